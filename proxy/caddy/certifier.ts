/**
 * Has Caddy make the certificates of host names before the first visitor comes: Caddy makes one when a client asks for the name
 * over TLS, and this is that client.
 * @module
 */
import { connect } from "node:tls";
import { startTimer } from "../../base/delay.ts";

/** How long a handshake may take; a public authority is asked in it, and visits this machine. */
const HANDSHAKE_MS = 5_000;
const PUBLIC_HANDSHAKE_MS = 120_000;

/** See the module. */
export interface Certifier {
  /** Sees to it that each name has a certificate. A name that gets none stays without; its next visitor asks again. */
  certify(hosts: string[], signal: AbortSignal): Promise<void>;
  /** The same, without waiting for it: a public authority may take minutes. */
  certifyLater(hosts: string[]): void;
  /** Caddy begins anew: no name is known to have one. */
  forget(): void;
  close(): void;
}

/** @returns whether Caddy showed a certificate for the name, whoever signed it. */
function shakeHands(
  host: string,
  options: { port: number; ms: number; signal: AbortSignal },
): Promise<boolean> {
  const { port, ms, signal } = options;
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const socket = connect({ host: "127.0.0.1", port, servername: host, rejectUnauthorized: false });
    const end = (done: boolean) => {
      timer.clear();
      signal.removeEventListener("abort", abort);
      socket.destroy();
      resolve(done);
    };
    const abort = () => end(false);
    const timer = startTimer(ms, abort);
    signal.addEventListener("abort", abort);
    socket.on("secureConnect", () => end(true));
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
  });
}

/**
 * A certifier of the Caddy on this machine.
 *
 * @param options.mend removes certificates that are on disk in part: Caddy cannot use them, and makes no others.
 */
export function createCertifier(
  { port, mend }: { port: number; mend: () => Promise<unknown> },
): Certifier {
  const certified = new Set<string>();
  const underWay = new Set<string>();
  const closing = new AbortController();

  async function certifyOne(host: string, options: { ms: number; signal: AbortSignal }): Promise<boolean> {
    const done = await shakeHands(host, { port, ...options });
    if (done) certified.add(host);
    return done;
  }

  return {
    async certify(hosts, signal) {
      for (const host of hosts.filter((name) => !certified.has(name))) {
        const options = { ms: HANDSHAKE_MS, signal };
        if (await certifyOne(host, options)) continue;
        await mend();
        await certifyOne(host, options);
      }
    },
    certifyLater(hosts) {
      for (const host of hosts.filter((name) => !certified.has(name) && !underWay.has(name))) {
        underWay.add(host);
        certifyOne(host, { ms: PUBLIC_HANDSHAKE_MS, signal: closing.signal })
          .finally(() => underWay.delete(host));
      }
    },
    forget: () => certified.clear(),
    close: () => closing.abort(),
  };
}
