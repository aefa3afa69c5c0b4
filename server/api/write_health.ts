/**
 * Reports whether the daemon can store anything. While it cannot, the state that it shows may be old.
 * @module
 */
import { findShortage } from "../../base/room.ts";
import { describeShortage } from "../../model/format.ts";

/** A failed commit is reported for this long, unless a later one succeeds. */
const REMEMBERED_MS = 60_000;

/** Tracks the commits of the store. */
export interface WriteHealth {
  /** Reports the result of a commit. */
  noteCommit(result: { ok: boolean }): void;
  /** Why the daemon cannot store anything, and what to do about it; undefined if it can. */
  problem(): Promise<string | undefined>;
}

/** Tracks the writes into a data directory. */
export function createWriteHealth(dataDir: string): WriteHealth {
  let failedAt: number | undefined;
  return {
    noteCommit({ ok }) {
      failedAt = ok ? undefined : performance.now();
    },
    async problem() {
      const shortage = await findShortage(dataDir);
      if (shortage) {
        return `the disk of the data directory ${dataDir} is full (${
          describeShortage(shortage)
        }): nothing can be stored, casts are refused, ` +
          "and what is shown may be old; free some space, and the daemon continues by itself";
      }
      if (failedAt === undefined || performance.now() - failedAt > REMEMBERED_MS) return undefined;
      return `nothing can be stored in the data directory ${dataDir}: casts are refused, and what is shown may be old; ` +
        "the daemon's log says why (most likely the disk)";
    },
  };
}
