/** Tells whether a path holds any files. Knows nothing of Rune. @module */
import { lstatSync, readdirSync } from "node:fs";

/** A directory with more entries than this counts as occupied without a closer look. */
const MAX_LOOKED_AT = 256;

/**
 * `free` is a directory without files, though perhaps with empty directories. A path that cannot be read is
 * `occupied`.
 */
export type Occupancy = "missing" | "free" | "occupied";

/** Looks at a path. @param path a symbolic link at its end is not followed: it counts as occupied. */
export function occupancyOf(path: string): Occupancy {
  let left = MAX_LOOKED_AT;
  const hasFiles = (directory: string): boolean =>
    readdirSync(directory, { withFileTypes: true }).some((entry) =>
      left-- <= 0 || !entry.isDirectory() || hasFiles(`${directory}/${entry.name}`)
    );
  try {
    return lstatSync(path).isDirectory() && !hasFiles(path) ? "free" : "occupied";
  } catch (error) {
    return (error as { code?: string }).code === "ENOENT" ? "missing" : "occupied";
  }
}
