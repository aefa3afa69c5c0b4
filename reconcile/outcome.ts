/**
 * How a controller's pass over one key ended, as a value: the queue decides from it what comes next.
 * @module
 */
import type { RuneError } from "../model/error.ts";

/** See each member. */
export type Outcome =
  /** Nothing is left to do until something changes. */
  | { type: "done" }
  /** Look again after this many milliseconds, or sooner when something changes. */
  | { type: "again"; afterMs: number }
  /** It did not work; try again with backoff. */
  | { type: "failed"; error: RuneError };

/** The outcome {@linkcode Outcome} `done`. */
export const DONE: Outcome = { type: "done" };
