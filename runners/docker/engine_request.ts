/** Requests to an Engine. @module */

/** One request. */
export interface EngineRequest {
  /** The action for error messages: `start default/web-0`. */
  what: string;
  signal: AbortSignal;
  method?: "GET" | "POST" | "DELETE";
  /** Undefined values are left out. */
  query?: Record<string, string | undefined>;
  headers?: Record<string, string>;
  /** Sent as JSON; bytes are sent as they are. */
  body?: unknown;
  /** Use a new connection. */
  anew?: boolean;
  /**
   * Milliseconds until the answer, or the head of a streamed response, must have arrived. The default depends
   * on the method.
   */
  withinMs?: number;
  /** How many milliseconds a streamed response may be silent. Default: no limit. */
  idleMs?: number;
}
