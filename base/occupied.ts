/** What a place holds: nothing but empty directories, or more. Knows nothing of Rune. @module */
import { lstatSync, readdirSync } from "node:fs";

/** More entries than that are not looked at: it is no empty directory. */
const MAX_LOOKED_AT = 256;

/** `free`: a directory that holds no file, but perhaps directories that hold none. What cannot be told is `occupied`. */
export type Occupancy = "missing" | "free" | "occupied";

/** What there is at a path. @param path a last symbolic link is not followed: it is something. */
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
