/**
 * The listener that clients connect to. It forwards each connection, byte by byte, to an HTTP server on
 * loopback. So connections can be counted and closed, which Deno.serve does not offer, and a certificate can
 * be replaced while connections are open: Deno binds it to the listener for good, so a new one needs a new
 * server, while the old one serves its connections until they end.
 * @module
 */
import { writeAll } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { checkListening } from "../http/address.ts";
import { type Admitted, ConnectionGate, type GateLimits } from "./connection_gate.ts";
import type { TlsPair } from "./tls.ts";

/** An HTTP server, with or without TLS. */
export interface FrontServer {
  readonly port: number;
  /**
   * Uses a certificate for new connections.
   * @throws {RuneError} if the pair cannot be used; then the old one stays.
   */
  replace(pair: TlsPair): void;
  /**
   * Stops accepting, and resolves when all connections have ended or `signal` has aborted them. A second call
   * does nothing.
   */
  shutdown(): Promise<void>;
}

/** The buffer for each direction of each connection, in bytes. */
const CARRIED = 16 * 1024;

/** Forwards bytes from one end to the other, and then the end of the stream. */
async function carry(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(CARRIED);
  for (let n = await from.read(buffer); n !== null; n = await from.read(buffer)) {
    await writeAll(to, buffer.subarray(0, n));
  }
  await to.closeWrite();
}

interface Backend {
  server: Deno.HttpServer<Deno.NetAddr>;
  /** The number of its connections. */
  open: number;
  retired: boolean;
}

/** Options of a front. */
export interface FrontOptions {
  /** The certificate and its key. Default: no TLS. */
  pair?: TlsPair;
  /** Aborts requests in flight. */
  signal: AbortSignal;
  handler: Handler;
  limits?: GateLimits;
}

type Handler = (request: Request, peer: string) => Response | Promise<Response>;

/** The client behind a connection to a backend. */
interface Peer {
  address: string;
  admitted: Admitted;
}

/**
 * Serves `handler` on an address.
 * @throws {RuneError} `failed_precondition` if the address or the pair cannot be used.
 */
export function serveFront(
  { hostname, port }: { hostname: string; port: number },
  options: FrontOptions,
): FrontServer {
  const { signal, handler } = options;
  const gate = new ConnectionGate(options.limits);
  /** Clients by the source port of their connection to the backend. */
  const peers = new Map<number, Peer>();
  const connections = new Set<Deno.Conn>();
  const backends = new Set<Backend>();

  async function answer(request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>): Promise<Response> {
    const peer = peers.get(info.remoteAddr.port);
    // Somebody on this machine has connected to the backend directly.
    if (peer === undefined) return new Response(null, { status: 421 });
    const end = peer.admitted.begin();
    info.completed.then(end, end);
    const response = await handler(request, peer.address);
    if (response.status === 101) peer.admitted.upgrade();
    return response;
  }

  function startBackend(pair: TlsPair | undefined): Backend {
    let server: Deno.HttpServer<Deno.NetAddr>;
    try {
      server = Deno.serve(
        {
          hostname: "127.0.0.1",
          port: 0,
          signal,
          onListen: () => {},
          ...(pair && { cert: pair.cert, key: pair.key }),
        },
        answer,
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

  const close = (end: Deno.Conn) => {
    connections.delete(end);
    try {
      end.close();
    } catch {
      // The end of its streams has already closed it.
    }
  };

  async function hand(conn: Deno.TcpConn, backend: Backend): Promise<void> {
    backend.open++;
    connections.add(conn);
    let inner: Deno.TcpConn | undefined;
    const { hostname: address } = conn.remoteAddr;
    const admitted = gate.admit(address, () => {
      close(conn);
      if (inner) close(inner);
    });
    try {
      if (!admitted) return;
      inner = await Deno.connect({ hostname: "127.0.0.1", port: backend.server.addr.port });
      connections.add(inner);
      peers.set((inner.localAddr as Deno.NetAddr).port, { address, admitted });
      conn.setNoDelay();
      inner.setNoDelay();
      // If one direction breaks, the other is of no use.
      await Promise.all([carry(conn, inner), carry(inner, conn)]);
    } catch {
      // The peer or the backend is gone, so nobody needs the error.
    } finally {
      if (inner) peers.delete((inner.localAddr as Deno.NetAddr).port);
      for (const end of [conn, inner]) if (end) close(end);
      admitted?.leave();
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
        // No file descriptor was free, or the peer disconnected at once. The next accept may succeed.
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
    signal.addEventListener("abort", () => [...connections].forEach(close), { once: true });
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
