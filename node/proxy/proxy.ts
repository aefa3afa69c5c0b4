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

/** Routes host names of this machine. Every call throws only RuneError, with a hint that says what to do. */
export interface Proxy {
  /**
   * Makes what is routed equal to `routes`, and does nothing where it is so already. Starts the proxy when it
   * does not run, and stops it when there are no routes. One call at a time.
   *
   * @throws {RuneError} `failed_precondition` when something must be installed or changed first;
   * `unavailable` else.
   */
  apply(routes: Route[], signal: AbortSignal): Promise<void>;
  /** Where a host name can be reached from outside, the plainest first: `http://api.local:7880`. */
  urlsOf(host: string): string[];
  /**
   * Calls `listener` whenever the proxy has ended by itself: its routes must be applied again.
   *
   * @returns what ends the subscription.
   */
  onEnd(listener: () => void): () => void;
  /** Leaves what runs alone, and stops watching it. */
  close(): void;
}
