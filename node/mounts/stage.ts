/**
 * The contract of a stage, which shows open directories to runs, each at a path that only the daemon can
 * change. It shows the open directory itself, even after a rename. See docs/decisions/0017.
 * @module
 */
import type { FileHandle } from "node:fs/promises";

/**
 * See the module comment. Ids are letters, digits, `-` and `.`: a volume's uid, or `<instance's uid>.<number
 * of its mount>`.
 */
export interface Stage {
  /**
   * Shows an open directory, and replaces what this id showed before. May be repeated. If an earlier daemon
   * showed the same directory, its mount is reused.
   *
   * @returns the path for a runner.
   * @throws {RuneError} `unavailable` if the host cannot mount it now.
   */
  show(id: string, directory: FileHandle, signal: AbortSignal): Promise<string>;
  /** Undoes `show`; does nothing if nothing is shown. Runs keep what they have mounted. */
  hide(id: string, signal: AbortSignal): Promise<void>;
  /** The ids that are shown, including those of an earlier daemon. */
  list(): Promise<string[]>;
}
