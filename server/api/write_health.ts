/**
 * Whether the daemon can store anything, for those who look at it: while it cannot, what it shows is old.
 * @module
 */
import { findShortage } from "../../base/room.ts";
import { describeShortage } from "../../model/format.ts";

/** A commit that failed says so for this long, where nothing was written since. */
const REMEMBERED_MS = 60_000;

/** See the module comment. */
export interface WriteHealth {
  /** Told of every commit that was tried. */
  noteCommit(result: { ok: boolean }): void;
  /** What keeps the daemon from storing, and what to do; undefined when nothing does. */
  problem(): Promise<string | undefined>;
}

/** Watches the writes into a data directory. */
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
          "and what is shown may be old; make room, and all goes on by itself";
      }
      if (failedAt === undefined || performance.now() - failedAt > REMEMBERED_MS) return undefined;
      return `nothing can be stored in the data directory ${dataDir}: casts are refused, and what is shown may be old; ` +
        "the daemon's log says why (its disk, most likely)";
    },
  };
}
