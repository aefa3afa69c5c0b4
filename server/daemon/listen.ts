/** Opens a server of the API on an address, with or without TLS. @module */
import type { ListenAddress } from "../http/address.ts";
import { type FrontOptions, serveFront } from "./front.ts";
import type { TlsPair } from "./tls.ts";

/** A server of the API, with or without TLS. */
export interface ApiServer {
  /** The port that it has, where 0 asked for any. */
  port: number;
  /** Takes over another certificate; with TLS alone. */
  replace?(pair: TlsPair): void;
  /** Takes no more requests, and resolves when those in flight have ended. */
  shutdown(): Promise<void>;
}

/**
 * Listens until `signal` aborts what is in flight or the server is shut down.
 *
 * @throws {RuneError} `failed_precondition` when the address, or the certificate, cannot be used.
 */
export function listen(address: ListenAddress, options: FrontOptions): ApiServer {
  const { port, replace, shutdown } = serveFront(address, options);
  return { port, shutdown, ...(options.pair && { replace }) };
}
