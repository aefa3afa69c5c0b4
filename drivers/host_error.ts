/**
 * Turns errors of the host into RuneErrors for every driver: aborts, and errors of system calls by their
 * errno name. Knows nothing of volumes.
 * @module
 */
import { RuneError } from "../model/error.ts";

const HINTS: Record<string, string> = {
  ENOSPC: "free space on that filesystem; Rune tries again",
  EDQUOT: "free space within the quota; Rune tries again",
  EROFS: "remount that filesystem read-write",
  EACCES: "give the daemon's user access to that path, or run the daemon as root",
  EPERM: "run the daemon as root, or leave out what needs it",
  EBUSY: "find what uses that path (a mount, a process) and end it",
  EXDEV: "keep the whole volume root on one filesystem",
  EIO: "check the disk; the kernel log has details",
};

/** The errno name of a failed system call, such as `ENOENT`; undefined for other errors. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : undefined;
}

/**
 * Creates the error of an aborted call.
 *
 * @param what the call, as a noun: `snapshot of volume default/web`.
 * @returns the signal's reason if it is a RuneError; `deadline_exceeded` for a timeout; otherwise
 * `unavailable`.
 */
export function abortError(what: string, signal: AbortSignal): RuneError {
  const reason: unknown = signal.reason;
  if (reason instanceof RuneError) return reason;
  if (reason instanceof DOMException && reason.name === "TimeoutError") {
    return new RuneError("deadline_exceeded", `${what} did not finish in time`, {
      hint: "it can be tried again",
      cause: reason,
    });
  }
  return new RuneError("unavailable", `${what} was cancelled`, {
    hint: "it can be tried again",
    cause: reason,
  });
}

/** Throws {@linkcode abortError} if the signal has aborted. */
export function checkAborted(what: string, signal: AbortSignal): void {
  if (signal.aborted) throw abortError(what, signal);
}

/**
 * Creates the error of a failed call that a signal may have aborted.
 *
 * @param options.what the call, as a noun: `provision of volume default/web`.
 * @returns {@linkcode abortError} if the signal has aborted, otherwise {@linkcode hostError}.
 */
export function callError(
  error: unknown,
  { what, signal }: { what: string; signal: AbortSignal },
): RuneError {
  return signal.aborted && error === signal.reason ? abortError(what, signal) : hostError(what, error);
}

/**
 * Converts an error into a RuneError: itself if it is one, otherwise `unavailable`, since the host may
 * recover.
 *
 * @param what the failed call, as a noun: `provision of volume default/web`.
 */
export function hostError(what: string, error: unknown): RuneError {
  if (error instanceof RuneError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const hint = HINTS[errnoOf(error) ?? ""];
  return new RuneError("unavailable", `${what} failed: ${reason}`, { hint, cause: error });
}
