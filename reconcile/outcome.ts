/**
 * The result of a controller's pass over one key. The queue uses it to schedule the next pass.
 * @module
 */
import type { RuneError } from "../model/error.ts";

/** See each member. */
export type Outcome =
  /** There is nothing to do until something changes. */
  | { type: "done" }
  /** Look again after this many milliseconds, or sooner when something changes. */
  | { type: "again"; afterMs: number }
  /** The pass failed; try again with backoff. */
  | { type: "failed"; error: RuneError };

/** The outcome {@linkcode Outcome} `done`. */
export const DONE: Outcome = { type: "done" };
