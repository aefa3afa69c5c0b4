/**
 * The contract of the proxy that routes host names to instances. It knows routes and addresses, but nothing
 * of the store, services or runners. Its process outlives the daemon, and the next daemon adopts it.
 * @module
 */

/** A host name and the instances that serve it. */
export interface Route {
  /** The host name, in lower case. */
  host: string;
  /** `address:port` of every ready instance, which get requests in turn. An empty list answers 503. */
  upstreams: string[];
}

/** Something that the proxy tells of. */
export type ProxyEvent = "ended";

/** Routes host names of this machine. Every call throws only RuneErrors, with a hint that says what to do. */
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
  /** Stops watching the proxy, which keeps running. */
  close(): void;
}
