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

/** The sooner of two outcomes; a failure wins. */
export function pickSooner(a: Outcome, b: Outcome): Outcome {
  if (a.type === "failed" || b.type === "failed") return a.type === "failed" ? a : b;
  if (a.type === "done") return b;
  if (b.type === "done") return a;
  return a.afterMs <= b.afterMs ? a : b;
}
