/** Limits how many streams one user may have open: each uses memory for as long as its user likes. @module */
import { RuneError } from "../../model/error.ts";

/** Counts the open streams of each user. */
export interface OpenCount {
  /**
   * Adds one to the user's count.
   *
   * @returns a function that subtracts it again; a second call does nothing.
   * @throws {RuneError} `rate_limited` if the user is at the limit.
   */
  enter(user: string): () => void;
}

/** Creates a counter. @param options.what what it counts, in the plural. */
export function createOpenCount({ max, what }: { max: number; what: string }): OpenCount {
  const open = new Map<string, number>();
  return {
    enter(user) {
      const before = open.get(user) ?? 0;
      if (before >= max) {
        throw new RuneError(
          "rate_limited",
          `${user} already has ${before} ${what} open, which is the limit`,
          {
            hint: "close one of them, or wait until one ends",
          },
        );
      }
      open.set(user, before + 1);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        const now = open.get(user)! - 1;
        if (now > 0) open.set(user, now);
        else open.delete(user);
      };
    },
  };
}
