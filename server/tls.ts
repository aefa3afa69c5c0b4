/**
 * TLS with a certificate that can be replaced while connections live. Deno binds a certificate to its listener for good, so
 * the address that clients see is a plain TCP listener which hands each connection, byte by byte, to a TLS server on loopback
 * that has the certificate of the moment. A new certificate means another such server; the one before serves its connections
 * until the last has ended.
 * @module
 */
import { X509Certificate } from "node:crypto";
import { RuneError } from "../spec/error.ts";
import { checkListening } from "./address.ts";

/** Files of a certificate chain and its key, PEM. */
export interface TlsFiles {
  cert: string;
  key: string;
}

/** What they hold. */
export interface TlsPair {
  cert: string;
  key: string;
  /** RFC 3339. */
  validUntil: string;
}

/** A server of HTTP over TLS. */
export interface TlsServer {
  readonly port: number;
  /** New connections get this certificate. @throws {RuneError} when the pair cannot be served; the one before stays. */
  replace(pair: TlsPair): void;
  /** Takes no more connections, and resolves when those that live have ended or `signal` has aborted them. Done when done already. */
  shutdown(): Promise<void>;
}

/**
 * Reads a certificate and its key.
 *
 * @throws {RuneError} `failed_precondition` naming the file and what is wrong with it.
 */
export async function readTlsPair({ cert, key }: TlsFiles): Promise<TlsPair> {
  const read = async (path: string, what: string) => {
    try {
      return await Deno.readTextFile(path);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new RuneError("failed_precondition", `cannot read the ${what} of auth.tls: ${reason}`, {
        hint: "check the path and that the daemon's user can read it",
        cause,
      });
    }
  };
  const pair = { cert: await read(cert, "certificate"), key: await read(key, "key") };
  try {
    const parsed = new X509Certificate(pair.cert);
    return { ...pair, validUntil: new Date(parsed.validTo).toISOString() };
  } catch (cause) {
    throw new RuneError("failed_precondition", `${cert} holds no certificate`, {
      hint: "give a PEM file: the certificate first, then those that signed it",
      cause,
    });
  }
}

interface Backend {
  server: Deno.HttpServer<Deno.NetAddr>;
  /** Connections that it serves. */
  open: number;
  retired: boolean;
}

/** Serves `handler` over TLS. @throws {RuneError} `failed_precondition` when the address or the pair cannot be used. */
export function serveTls(
  { hostname, port }: { hostname: string; port: number },
  options: {
    pair: TlsPair;
    signal: AbortSignal;
    handler: (request: Request, peer: string) => Response | Promise<Response>;
  },
): TlsServer {
  const { signal, handler } = options;
  /** Which peer is behind each connection to a backend, by the port that the connection comes from. */
  const peers = new Map<number, string>();
  const connections = new Set<Deno.Conn>();
  const backends = new Set<Backend>();

  function startBackend({ cert, key }: TlsPair): Backend {
    let server: Deno.HttpServer<Deno.NetAddr>;
    try {
      server = Deno.serve(
        { hostname: "127.0.0.1", port: 0, cert, key, signal, onListen: () => {} },
        (request, info) => {
          const peer = peers.get(info.remoteAddr.port);
          // Somebody on this machine who went past the listener.
          if (peer === undefined) return new Response(null, { status: 421 });
          return handler(request, peer);
        },
      );
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new RuneError(
        "failed_precondition",
        `the certificate and key of auth.tls cannot be used: ${reason}`,
        {
          hint: "check that both are PEM and belong together",
          cause,
        },
      );
    }
    const backend = { server, open: 0, retired: false };
    backends.add(backend);
    return backend;
  }

  async function endIfIdle(backend: Backend): Promise<void> {
    if (!backend.retired || backend.open > 0 || !backends.delete(backend)) return;
    await backend.server.shutdown().catch(() => {});
  }

  async function hand(conn: Deno.TcpConn, backend: Backend): Promise<void> {
    backend.open++;
    connections.add(conn);
    let inner: Deno.TcpConn | undefined;
    try {
      inner = await Deno.connect({ hostname: "127.0.0.1", port: backend.server.addr.port });
      connections.add(inner);
      peers.set((inner.localAddr as Deno.NetAddr).port, conn.remoteAddr.hostname);
      conn.setNoDelay();
      inner.setNoDelay();
      // Where one direction breaks the other has nobody to speak to.
      await Promise.all([conn.readable.pipeTo(inner.writable), inner.readable.pipeTo(conn.writable)]);
    } catch {
      // The peer or the backend is gone: there is nobody to tell.
    } finally {
      if (inner) peers.delete((inner.localAddr as Deno.NetAddr).port);
      for (const end of [conn, inner]) {
        if (!end) continue;
        connections.delete(end);
        try {
          end.close();
        } catch {
          // Closed by the end of its streams.
        }
      }
      backend.open--;
      await endIfIdle(backend);
    }
  }

  let current = startBackend(options.pair);
  let listener: Deno.TcpListener;
  try {
    listener = checkListening({ hostname, port }, (at) => Deno.listen({ hostname: at, port }));
  } catch (error) {
    current.retired = true;
    endIfIdle(current);
    throw error;
  }
  const handing = new Set<Promise<void>>();
  const accepting = (async () => {
    for (;;) {
      let conn: Deno.TcpConn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        // No more file descriptors, or a peer that left at once: the next may do better.
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      const done = hand(conn, current).finally(() => handing.delete(done));
      handing.add(done);
    }
  })();
  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    listener.close();
    await accepting;
    signal.addEventListener("abort", () =>
      connections.forEach((conn) => {
        try {
          conn.close();
        } catch {
          // Closed already.
        }
      }), { once: true });
    await Promise.all([...backends].map(({ server }) => server.shutdown().catch(() => {})));
    await Promise.all([...handing]);
    await Promise.all([...backends].map(({ server }) => server.finished));
  }
  return {
    port: listener.addr.port,
    replace(pair) {
      const before = current;
      current = startBackend(pair);
      before.retired = true;
      endIfIdle(before);
    },
    shutdown: () => stopping ??= stop(),
  };
}
