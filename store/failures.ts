/** Errors of the store for failures of the disk or of the state on it, each worded once. @module */
import { RuneError } from "../model/error.ts";

/** The text of an error, whatever was thrown. */
function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A commit failed. */
export function cannotWrite(cause: unknown): RuneError {
  if (cause instanceof RuneError) return cause;
  return new RuneError("unavailable", `the store cannot write: ${reason(cause)}`, {
    hint: "check that the disk of the data directory has room and is writable; writes resume by themselves",
    cause,
  });
}

/** A read from disk failed. */
export function cannotRead(cause: unknown): RuneError {
  if (cause instanceof RuneError) return cause;
  return new RuneError("unavailable", `the store cannot read its state: ${reason(cause)}`, {
    hint: "check the disk of the data directory and the daemon's log",
    cause,
  });
}

/** A copy of the state failed. */
export function cannotCopy(cause: unknown): RuneError {
  if (cause instanceof RuneError) return cause;
  return new RuneError("unavailable", `the state cannot be copied: ${reason(cause)}`, {
    hint: "check that the disk of the data directory has room for a second copy of state.db",
    cause,
  });
}

/** The store is closed, or was closed during the call. */
export function closedError(): RuneError {
  return new RuneError("unavailable", "the store is closed", {
    hint: "the daemon is shutting down; try again when it is back",
  });
}

/** The state on disk is not what this program wrote. */
export function damagedStateError(path: string, cause: unknown): RuneError {
  if (cause instanceof RuneError) return cause;
  return new RuneError("failed_precondition", `cannot read the state in ${path}: ${reason(cause)}`, {
    hint:
      "stop the daemon, move state.db, state.db-wal, state.db-shm and state.made aside and restore a backup: rune admin restore <file>",
    cause,
  });
}

/** The data directory cannot be used. */
export function unusableDirectoryError(path: string, cause: unknown): RuneError {
  if (cause instanceof RuneError) return cause;
  return new RuneError("failed_precondition", `cannot use the data directory: ${path}: ${reason(cause)}`, {
    hint: "make it a directory that the daemon's user can write, or choose another one with --data-dir",
    cause,
  });
}
