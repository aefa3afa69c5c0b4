/** Whether a filesystem has room. @module */
import { statfs } from "node:fs/promises";
import { formatBytes } from "../model/format.ts";

/** With less than this left nothing useful can be written. */
const LEAST_BYTES = 64 * 1024;

/** Why nothing can be written to a filesystem any more; undefined while there is room, and when that cannot be told. */
export async function fullness(path: string): Promise<string | undefined> {
  try {
    const { bsize, blocks, bavail, files, ffree } = await statfs(path);
    const total = blocks * bsize;
    // Some, such as btrfs and network filesystems, count nothing.
    if (total > 0 && bavail * bsize < Math.min(LEAST_BYTES, total / 100)) {
      return `no room is left of ${formatBytes(total)}`;
    }
    return files > 0 && ffree === 0 ? `it has no room for one more file (${files} are the most)` : undefined;
  } catch {
    return undefined;
  }
}
