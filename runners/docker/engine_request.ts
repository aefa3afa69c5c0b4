/** What is asked of an Engine. @module */

/** One request. */
export interface EngineRequest {
  /** What the caller is about to do, for the error's message: `start default/web-0`. */
  what: string;
  signal: AbortSignal;
  method?: "GET" | "POST" | "DELETE";
  /** Absent values are left out. */
  query?: Record<string, string | undefined>;
  headers?: Record<string, string>;
  /** Sent as JSON, or as it is when it is bytes. */
  body?: unknown;
  /** Over a new connection. */
  anew?: boolean;
  /**
   * Milliseconds until the answer must be there; of a response that is streamed, its head. Default: by the
   * method.
   */
  withinMs?: number;
  /** Milliseconds that a streamed response may be silent. Default: for ever. */
  idleMs?: number;
}
