/**
 * The contract of the proxy that leads host names to instances. It knows routes and addresses; it knows
 * nothing of the store, of services or of runners. What it runs outlives the daemon and is taken over by the
 * next one.
 * @module
 */

/** One host name and where its requests go. */
export interface Route {
  /** In lower case. */
  host: string;
  /** `address:port` of every ready instance, in turn; none answers 503. */
  upstreams: string[];
}

/** Something that the proxy tells of. */
export type ProxyEvent = "ended";

/** Routes host names of this machine. Every call throws only RuneError, with a hint that says what to do. */
export interface Proxy {
  /**
   * Makes what is routed equal to `routes`, and does nothing where it is so already. Starts the proxy when it
   * does not run, and stops it when there are no routes. One call at a time.
   *
   * @returns where each host name can be reached from outside, the plainest first: `http://api.local:7880`.
   * @throws {RuneError} `failed_precondition` when something must be installed or changed first;
   * `unavailable` else.
   */
  apply(routes: Route[], signal: AbortSignal): Promise<Record<string, string[]>>;
  /**
   * One whenever the proxy has ended by itself, until the signal aborts: its routes must be applied again.
   */
  events(signal: AbortSignal): AsyncIterable<ProxyEvent>;
}

/** A proxy, as its node has it. */
export interface LocalProxy extends Proxy {
  /** Leaves what runs alone, and stops watching it. */
  close(): void;
}
