/** Which exit code an error means (SPEC 5). @module */
import { type ErrorCode, RuneError, toRuneError } from "../../model/error.ts";

/** Exit codes that are no error's code. */
export const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** The exit code of every error code; a new code does not compile until it is decided here. */
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

/** A command line that makes no sense: exit code 2, where `invalid_argument` else means 6. */
export class UsageError extends RuneError {
  /** @param hint what to type instead. */
  constructor(message: string, hint?: string) {
    super("invalid_argument", message, { hint });
  }
}

/** The exit code that an error ends the program with. */
export function exitCodeOf(error: unknown): number {
  return error instanceof UsageError ? EXIT.usage : EXIT_CODES[toRuneError(error).code];
}
