/**
 * The contract of a stage: where open directories are shown to runs, each at a path that nobody but the
 * daemon can change. What is shown is the thing that is open, whatever has become of its name. See
 * docs/decisions/0017.
 * @module
 */
import type { FileHandle } from "node:fs/promises";

/**
 * See the module comment. Ids are letters, digits, `-` and `.`: a volume's uid, or `<instance's uid>.<number
 * of its mount>`.
 */
export interface Stage {
  /**
   * Shows an open directory, in the place of whatever this id showed before. May be repeated; what an earlier
   * daemon showed is taken over when it is the same directory, and replaced when it is another.
   *
   * @returns the path to give to a runner.
   * @throws {RuneError} `unavailable` when the host cannot now.
   */
  show(id: string, directory: FileHandle, signal: AbortSignal): Promise<string>;
  /** The reverse of `show`. Done when nothing is shown. Runs that have it mounted keep it. */
  hide(id: string, signal: AbortSignal): Promise<void>;
  /** What is shown, also by an earlier daemon. */
  list(): Promise<string[]>;
}
