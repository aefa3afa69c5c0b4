/** How many things of a kind one user may have open at a time: each holds some memory for as long as its user likes. @module */
import { RuneError } from "../../model/error.ts";

/** See the module comment. */
export interface OpenCount {
  /**
   * Counts one more.
   *
   * @returns what counts it off again; a second call does nothing.
   * @throws {RuneError} `rate_limited` when the user has the most already.
   */
  enter(user: string): () => void;
}

/** Makes one. @param options.what their name, in the plural. */
export function createOpenCount({ max, what }: { max: number; what: string }): OpenCount {
  const open = new Map<string, number>();
  return {
    enter(user) {
      const before = open.get(user) ?? 0;
      if (before >= max) {
        throw new RuneError("rate_limited", `${user} has ${before} ${what} open, which is the most`, {
          hint: "end one of them, or wait until one ends",
        });
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
