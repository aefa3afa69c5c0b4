/** Tells whether a filesystem has space left. @module */
import { statfs } from "node:fs/promises";

/** With less space than this, nothing useful can be written. */
const LEAST_BYTES = 64 * 1024;

/** What a filesystem has run out of, and its total size. */
export interface Shortage {
  of: "bytes" | "files";
  total: number;
}

/** Why nothing more can be written to a filesystem; undefined if there is space, or if nobody can tell. */
export async function findShortage(path: string): Promise<Shortage | undefined> {
  try {
    const { bsize, blocks, bavail, files, ffree } = await statfs(path);
    const total = blocks * bsize;
    // Some filesystems, such as btrfs and those over a network, report no counts.
    if (total > 0 && bavail * bsize < Math.min(LEAST_BYTES, total / 100)) return { of: "bytes", total };
    return files > 0 && ffree === 0 ? { of: "files", total: files } : undefined;
  } catch {
    return undefined;
  }
}
