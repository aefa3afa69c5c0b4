/**
 * Which runs this daemon pauses. A paused run fails every check: that says nothing about it, and must not
 * make it unhealthy. A run that somebody else pauses is another matter; its checks count.
 * @module
 */
import type { Runner, RunRef } from "../../runners/runner.ts";

/** The pauses of one run. */
interface RunPauses {
  paused: boolean;
  /** Counts the pauses, and each end of one. */
  changes: number;
}

/** See the module comment. */
export interface Pauses {
  /** The same runner; its pauses are noted from now on. */
  observe(runner: Runner): Runner;
  /** Begins to watch a run. @returns a function that tells whether Rune had it paused at any time since. */
  watch(ref: RunRef): () => boolean;
}

/** Makes a record of pauses, in memory. */
export function createPauses(): Pauses {
  const runs = new Map<string, RunPauses>();
  const keyOf = ({ instanceUid, run, step }: RunRef) => `${instanceUid}/${run}/${step ?? ""}`;
  const note = (ref: RunRef, paused: boolean) => {
    const changes = (runs.get(keyOf(ref))?.changes ?? 0) + 1;
    runs.set(keyOf(ref), { paused, changes });
  };
  return {
    observe: (runner) => ({
      ...runner,
      async pause(ref, signal) {
        // Before the call: it may work although it fails.
        note(ref, true);
        return await runner.pause(ref, signal);
      },
      async resume(ref, signal) {
        // Also one that an earlier daemon paused was paused until now.
        note(ref, true);
        const state = await runner.resume(ref, signal);
        note(ref, false);
        return state;
      },
      async stop(ref, options) {
        const state = await runner.stop(ref, options);
        runs.delete(keyOf(ref));
        return state;
      },
      async remove(ref, signal) {
        await runner.remove(ref, signal);
        runs.delete(keyOf(ref));
      },
    }),
    watch(ref) {
      const before = runs.get(keyOf(ref));
      return () => {
        const now = runs.get(keyOf(ref));
        return (before?.paused || now?.paused) === true || before?.changes !== now?.changes;
      };
    },
  };
}
