/**
 * Makes Caddy obtain certificates for host names before the first visitor. Caddy obtains one when a client
 * connects to the name over TLS, and this is that client. Public authorities limit failed attempts, so Caddy
 * may contact one only during a handshake of this client, with growing intervals. A visitor never triggers a
 * request to an authority.
 * @module
 */
import { connect } from "node:tls";
import { sleepQuietly, startTimer } from "../../../base/delay.ts";

/**
 * How long a handshake may take. With a public authority it includes the authority's visit to this machine.
 */
const HANDSHAKE_MS = 5_000;
const PUBLIC_HANDSHAKE_MS = 200_000;
/** The wait after a failed attempt at a public authority, which doubles each time. */
const AGAIN_MS = { first: 60_000, most: 6 * 3_600_000 };

/** Options of a certifier. */
export interface CertifierOptions {
  /** The TLS port of Caddy on this machine. */
  port: number;
  /** Removes partly written certificates, which Caddy can neither use nor replace. */
  mend(): Promise<unknown>;
  /** Permits Caddy to contact a public authority for a name, or forbids it. */
  permit(host: string, permitted: boolean): Promise<void>;
}

/** Obtains certificates. */
export interface Certifier {
  /**
   * Obtains a certificate of Caddy's own authority for each name. After a failure, the next visitor triggers
   * a new attempt.
   */
  certify(hosts: string[], signal: AbortSignal): Promise<void>;
  /** Obtains public certificates for exactly these names. It may take minutes and runs in the background. */
  certifyPublicly(hosts: string[]): void;
  /** Forgets which names have certificates, after a restart of Caddy. */
  forget(): void;
  close(): void;
}

/** Makes a TLS handshake. @returns whether Caddy presented a certificate for the name, whoever signed it. */
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

/** Creates a certifier for the Caddy on this machine. */
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
      // A daemon that ends leaves the permission in place, so the next one tries at once.
      if (signal.aborted) return;
      await permit(host, false);
      await sleepQuietly(wait, signal);
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
          // The disk may be full, for example. The next change of a route tries again.
          .catch(() => undefined)
          .finally(() => underWay.get(host) === stop && underWay.delete(host));
      }
    },
    forget: () => certified.clear(),
    close: () => underWay.forEach((stop) => stop.abort()),
  };
}
