/** Whether a place holds anything but empty directories. Knows nothing of Rune. @module */
import { lstatSync, readdirSync } from "node:fs";

/** More entries than that are not looked at: it is no empty directory. */
const MAX_LOOKED_AT = 256;

/**
 * Whether there is something at the path that is not a directory of empty directories. What cannot be told is there.
 *
 * @param path a last symbolic link is not followed: it is something.
 */
export function isOccupied(path: string): boolean {
  let left = MAX_LOOKED_AT;
  const hasFiles = (directory: string): boolean =>
    readdirSync(directory, { withFileTypes: true }).some((entry) =>
      left-- <= 0 || !entry.isDirectory() || hasFiles(`${directory}/${entry.name}`)
    );
  try {
    return !lstatSync(path).isDirectory() || hasFiles(path);
  } catch (error) {
    return (error as { code?: string }).code !== "ENOENT";
  }
}
