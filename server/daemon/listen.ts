/** Opens an API server on an address, with or without TLS. @module */
import type { ListenAddress } from "../http/address.ts";
import { type FrontOptions, serveFront } from "./front.ts";
import type { TlsPair } from "./tls.ts";

/** An API server, with or without TLS. */
export interface ApiServer {
  /** The actual port, if port 0 was requested. */
  port: number;
  /** Replaces the certificate; only with TLS. */
  replace?(pair: TlsPair): void;
  /** Stops accepting, and resolves when the requests in flight have ended. */
  shutdown(): Promise<void>;
}

/**
 * Listens until the server is shut down, or `signal` aborts the requests in flight.
 *
 * @throws {RuneError} `failed_precondition` if the address or the certificate cannot be used.
 */
export function listen(address: ListenAddress, options: FrontOptions): ApiServer {
  const { port, replace, shutdown } = serveFront(address, options);
  return { port, shutdown, ...(options.pair && { replace }) };
}
