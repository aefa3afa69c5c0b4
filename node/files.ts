/**
 * The contract of a node about the files that runs get from configmaps and secrets. Each run has its own.
 * @module
 */
import type { RunMount, RunRef } from "../runners/runner.ts";

/** What one mount shows. */
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
   * Makes the files of a run anew, and removes those of its instance's earlier runs.
   *
   * @returns the mounts, in the order given.
   * @throws {RuneError} `failed_precondition` when an owner cannot be given, `unavailable` when there is no
   * room.
   */
  prepare(run: RunRef, options: { mounts: FileMount[]; signal: AbortSignal }): Promise<RunMount[]>;
  /** Removes the files of every run of an instance. */
  remove(instanceUid: string, signal: AbortSignal): Promise<void>;
  /** The runs that have files here. */
  list(signal: AbortSignal): Promise<RunRef[]>;
  /** Removes the files of these runs. */
  discard(runs: RunRef[], signal: AbortSignal): Promise<void>;
  /**
   * Takes away what an earlier daemon left in memory from another data directory.
   * @returns how many it took away.
   */
  detachElsewhere(signal: AbortSignal): Promise<number>;
}
