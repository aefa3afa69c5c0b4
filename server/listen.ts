/** Opens a server of the API on an address, with or without TLS. @module */
import { checkListening, type ListenAddress } from "./address.ts";
import { serveTls, type TlsPair, type TlsServer } from "./tls.ts";

/** A server of the API, with or without TLS. */
export interface ApiServer {
  /** The port that it has, where 0 asked for any. */
  port: number;
  /** Takes over another certificate; with TLS alone. */
  replace?: TlsServer["replace"];
  /** Takes no more requests, and resolves when those in flight have ended. */
  shutdown(): Promise<void>;
}

/**
 * Listens until `signal` aborts what is in flight or the server is shut down.
 *
 * @throws {RuneError} `failed_precondition` when the address, or the certificate, cannot be used.
 */
export function listen(
  address: ListenAddress,
  options: {
    pair?: TlsPair;
    signal: AbortSignal;
    handler: (request: Request, peer: string) => Response | Promise<Response>;
  },
): ApiServer {
  const { pair, signal, handler } = options;
  if (pair) return serveTls(address, { pair, signal, handler });
  const server = checkListening(address, (hostname) =>
    Deno.serve(
      { hostname, port: address.port, signal, onListen: () => {} },
      (request, info) => handler(request, info.remoteAddr.hostname),
    ));
  return {
    port: server.addr.port,
    async shutdown() {
      await server.shutdown().catch(() => {});
      await server.finished;
    },
  };
}
