/** Maps errors to exit codes. @module */
import { type ErrorCode, RuneError, toRuneError } from "../../model/error.ts";

/** Exit codes that belong to no error code. */
export const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** The exit code of every error code. A new code does not compile until it has one here. */
export const EXIT_CODES: Record<ErrorCode, number> = {
  invalid_argument: 6,
  unauthenticated: 3,
  permission_denied: 3,
  not_found: 4,
  already_exists: 5,
  conflict: 5,
  failed_precondition: 5,
  gone: 1,
  payload_too_large: 6,
  rate_limited: 1,
  internal: 1,
  unavailable: 1,
  deadline_exceeded: 7,
};

/** A usage error: exit code 2, although `invalid_argument` otherwise means 6. */
export class UsageError extends RuneError {
  /** @param hint what to type instead. */
  constructor(message: string, hint?: string) {
    super("invalid_argument", message, { hint });
  }
}

/** The exit code of the program after an error. */
export function exitCodeOf(error: unknown): number {
  return error instanceof UsageError ? EXIT.usage : EXIT_CODES[toRuneError(error).code];
}
