/** Whether a filesystem has room. @module */
import { statfs } from "node:fs/promises";

/** With less than this left nothing useful can be written. */
const LEAST_BYTES = 64 * 1024;

/** What a filesystem has run out of, and how much of it there is in all. */
export interface Shortage {
  of: "bytes" | "files";
  total: number;
}

/**
 * Why nothing can be written to a filesystem any more; undefined while there is room, and when that cannot be
 * told.
 */
export async function findShortage(path: string): Promise<Shortage | undefined> {
  try {
    const { bsize, blocks, bavail, files, ffree } = await statfs(path);
    const total = blocks * bsize;
    // Some, such as btrfs and network filesystems, count nothing.
    if (total > 0 && bavail * bsize < Math.min(LEAST_BYTES, total / 100)) return { of: "bytes", total };
    return files > 0 && ffree === 0 ? { of: "files", total: files } : undefined;
  } catch {
    return undefined;
  }
}
