/**
 * The pool of connections to the Engine. Each is verified before its first use and every few seconds after
 * it, and used for at most a minute. So a takeover of this daemon's id, or a replaced Engine, is noticed
 * soon, and no answer comes from another Engine. An open connection can outlive the socket for a short time
 * while the Engine shuts down.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import { type Connection, openConnection } from "./connection.ts";

/** How long a verification is valid, and how long a connection is used, in milliseconds. */
const PROVEN_MS = 5_000;
const OPEN_MS = 60_000;
/** The most idle connections. */
const IDLE_MAX = 32;

/** See the module comment. */
export interface Connections {
  /** Returns a verified connection. `fresh` means that it is new. */
  take(signal: AbortSignal): Promise<{ connection: Connection; fresh: boolean }>;
  /** Returns a verified connection that was not used before. */
  takeFresh(signal: AbortSignal): Promise<Connection>;
  /** Returns a connection to the pool, if it can take another request. */
  giveBack(connection: Connection): void;
  /** Forgets a connection that was closed or handed over. */
  forget(connection: Connection): void;
  /** Closes all connections, even those in use, since their Engine can no longer be trusted. */
  drop(): void;
  close(): void;
}

/**
 * @param prove throws if the Engine at the other end must not be used; returns false if it may be used for
 * one request only.
 */
export function createConnections(
  socket: string,
  prove: (connection: Connection, signal: AbortSignal) => Promise<boolean>,
): Connections {
  const idle = new Set<Connection>();
  const used = new Set<Connection>();
  let epoch = 0;
  let closed = false;
  let sweep: ReturnType<typeof setTimeout> | undefined;

  const provenAt = new WeakMap<Connection, number>();
  const isGood = ({ openedAt }: Connection) => performance.now() - openedAt < OPEN_MS;
  const isFresh = (connection: Connection) => performance.now() - provenAt.get(connection)! < PROVEN_MS;

  function closeOld(): void {
    sweep = undefined;
    for (const connection of [...idle]) {
      if (isGood(connection)) continue;
      idle.delete(connection);
      connection.close();
    }
    sweepLater();
  }

  function sweepLater(): void {
    if (sweep !== undefined || idle.size === 0) return;
    sweep = setTimeout(closeOld, OPEN_MS / 4);
    Deno.unrefTimer(sweep);
  }

  function drop(): void {
    epoch++;
    const all = [...idle, ...used];
    idle.clear();
    used.clear();
    for (const connection of all) connection.close();
  }

  async function proveNow(connection: Connection, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    try {
      if (await prove(connection, signal)) provenAt.set(connection, began);
      else provenAt.delete(connection);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Verifies a used connection again; false if it turns out to be dead. */
  async function renew(connection: Connection, signal: AbortSignal): Promise<boolean> {
    if (isFresh(connection)) return true;
    try {
      await proveNow(connection, signal);
      return used.has(connection);
    } catch (error) {
      used.delete(connection);
      if (error instanceof RuneError || signal.aborted) throw error;
      return false;
    }
  }

  async function open(signal: AbortSignal): Promise<Connection> {
    for (;;) {
      const began = epoch;
      const connection = await openConnection(socket, signal);
      await proveNow(connection, signal);
      // All connections were dropped in the meantime, so the verification is out of date.
      if (began === epoch && !closed) return connection;
      connection.close();
      if (closed) throw new RuneError("unavailable", "the daemon no longer speaks to Docker");
    }
  }

  return {
    async take(signal) {
      for (let last = findNewest(idle); last; last = findNewest(idle)) {
        const connection = last;
        idle.delete(connection);
        used.add(connection);
        if (isGood(connection) && await renew(connection, signal)) return { connection, fresh: false };
        used.delete(connection);
        connection.close();
      }
      const connection = await open(signal);
      used.add(connection);
      return { connection, fresh: true };
    },
    async takeFresh(signal) {
      const connection = await open(signal);
      used.add(connection);
      return connection;
    },
    giveBack(connection) {
      if (!used.delete(connection)) return connection.close();
      if (!isGood(connection) || !provenAt.has(connection) || idle.size >= IDLE_MAX) {
        return connection.close();
      }
      idle.add(connection);
      connection.watch(() => {
        if (idle.delete(connection)) connection.close();
      });
      sweepLater();
    },
    forget: (connection) => void used.delete(connection),
    drop,
    close() {
      closed = true;
      clearTimeout(sweep);
      drop();
    },
  };
}

function findNewest<T>(set: Set<T>): T | undefined {
  return [...set].at(-1);
}
