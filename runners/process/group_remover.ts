/** Removes the control groups of ended runs, and retries in the background if the kernel refuses. @module */
import type { Logger } from "@logtape/logtape";
import { removeCgroups } from "./cgroup.ts";
import type { CgroupMounts } from "./cgroup_mounts.ts";

const TRIES = 50;
const TRY_MS = 10;
/** Milliseconds between two attempts for the same group, doubled each time up to an hour. */
const PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 3_600_000;

/** See the module comment. */
export class GroupRemover {
  readonly #cgroups: CgroupMounts;
  readonly #logger?: Logger;
  readonly #kept = new Map<string, { at: number; pauseMs: number }>();

  constructor(cgroups: CgroupMounts, logger?: Logger) {
    this.#cgroups = cgroups;
    this.#logger = logger;
  }

  /** Removes a group. Waits briefly for the kernel, and leaves a group that it keeps to `retry()`. */
  async remove(group: string): Promise<void> {
    for (let tries = 1;; tries++) {
      try {
        return removeCgroups(this.#cgroups, group);
      } catch (error) {
        if (tries >= TRIES) {
          this.#logger?.warn("the control group {group} cannot be removed yet: {error}", { group, error });
          return this.removeLater(group);
        }
      }
      // The kernel counts an ended process for a moment, and nothing signals when this is over.
      await new Promise((resolve) => setTimeout(resolve, TRY_MS));
    }
  }

  /** Cancels the removal of a group that is created again. */
  keep(group: string): void {
    this.#kept.delete(group);
  }

  /** Lets `retry()` remove a group. */
  removeLater(group: string): void {
    this.#kept.set(group, { at: 0, pauseMs: PAUSE_MS });
  }

  /** Retries the removals that are due, without waiting. Call it regularly. */
  retry(): void {
    for (const [group, { at, pauseMs }] of this.#kept) {
      if (performance.now() < at) continue;
      this.#kept.set(group, {
        at: performance.now() + pauseMs,
        pauseMs: Math.min(2 * pauseMs, LONGEST_PAUSE_MS),
      });
      try {
        removeCgroups(this.#cgroups, group);
        this.#kept.delete(group);
      } catch {
        // The first attempt has already logged it.
      }
    }
  }
}
