/**
 * The contract of a node's files for runs, with the data of configmaps and secrets. Each run has its own
 * files.
 * @module
 */
import type { RunMount, RunRef } from "../runners/runner.ts";

/** The content of one mount. */
export interface FileMount {
  target: string;
  /** Its content must not reach a disk where that can be avoided. */
  inMemory: boolean;
  /** Numeric; the daemon's own when undefined. */
  user: number | undefined;
  group: number | undefined;
  /** Permission bits of every file; none above 0777 is given. */
  mode: number;
  files: { path: string; text: string }[];
}

/** See the module comment. Every call may be repeated. */
export interface RunFiles {
  /**
   * Creates the files of a run, and removes those of earlier runs of its instance.
   *
   * @returns the mounts, in the order given.
   * @throws {RuneError} `failed_precondition` if an owner cannot be set, `unavailable` if there is no room.
   */
  prepare(run: RunRef, options: { mounts: FileMount[]; signal: AbortSignal }): Promise<RunMount[]>;
  /** Removes the files of every run of an instance. */
  remove(instanceUid: string, signal: AbortSignal): Promise<void>;
  /** The runs that have files here. */
  list(signal: AbortSignal): Promise<RunRef[]>;
  /** Removes the files of these runs. */
  discard(runs: RunRef[], signal: AbortSignal): Promise<void>;
  /**
   * Removes in-memory files that an earlier daemon left in another data directory.
   * @returns the number of mounts removed.
   */
  detachElsewhere(signal: AbortSignal): Promise<number>;
}
