/**
 * Has Caddy make the certificates of host names before the first visitor comes: Caddy makes one when a client
 * asks for the name over TLS, and this is that client. A public authority bears few attempts that fail: it is
 * asked while this client waits, and ever more seldom; a visitor makes nobody ask.
 * @module
 */
import { connect } from "node:tls";
import { pause, startTimer } from "../../../base/delay.ts";

/** How long a handshake may take; a public authority is asked in it, and visits this machine. */
const HANDSHAKE_MS = 5_000;
const PUBLIC_HANDSHAKE_MS = 200_000;
/** How long a public authority is left alone after it gave no certificate; doubled each time. */
const AGAIN_MS = { first: 60_000, most: 6 * 3_600_000 };

/** What a certifier is made from. */
export interface CertifierOptions {
  /** Where Caddy speaks TLS on this machine. */
  port: number;
  /** Removes certificates that are on disk in part: Caddy cannot use them, and makes no others. */
  mend(): Promise<unknown>;
  /** Lets Caddy ask a public authority for a name, or keeps it from it. */
  permit(host: string, permitted: boolean): Promise<void>;
}

/** See the module. */
export interface Certifier {
  /**
   * Sees to it that each name has a certificate. A name that gets none stays without; its next visitor asks
   * again.
   */
  certify(hosts: string[], signal: AbortSignal): Promise<void>;
  /**
   * The same by a public authority, for these names and no others any more; it may take minutes, and is not
   * waited for.
   */
  certifyPublicly(hosts: string[]): void;
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

/** A certifier of the Caddy on this machine. */
export function createCertifier({ port, mend, permit }: CertifierOptions): Certifier {
  const certified = new Set<string>();
  const underWay = new Map<string, AbortController>();

  async function certifyOne(host: string, options: { ms: number; signal: AbortSignal }): Promise<boolean> {
    const done = await shakeHands(host, { port, ...options });
    if (done) certified.add(host);
    return done;
  }

  async function certifyOnePublicly(host: string, signal: AbortSignal): Promise<void> {
    for (let wait = AGAIN_MS.first; !signal.aborted; wait = Math.min(wait * 2, AGAIN_MS.most)) {
      await permit(host, true);
      if (await certifyOne(host, { ms: PUBLIC_HANDSHAKE_MS, signal })) return;
      // A daemon that ends leaves it as it is: the next one asks at once.
      if (signal.aborted) return;
      await permit(host, false);
      await pause(wait, signal);
    }
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
    certifyPublicly(hosts) {
      for (const [host, stop] of underWay) {
        if (hosts.includes(host)) continue;
        stop.abort();
        underWay.delete(host);
      }
      for (const host of hosts.filter((name) => !certified.has(name) && !underWay.has(name))) {
        const stop = new AbortController();
        underWay.set(host, stop);
        certifyOnePublicly(host, stop.signal)
          // A disk that is full, say: at the next change of a route it is tried again.
          .catch(() => undefined)
          .finally(() => underWay.get(host) === stop && underWay.delete(host));
      }
    },
    forget: () => certified.clear(),
    close: () => underWay.forEach((stop) => stop.abort()),
  };
}
