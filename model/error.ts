/**
 * The one error type of Rune. Callers branch on `code`, never on the text. `server/` maps codes to HTTP
 * statuses and `cli/` maps them to exit codes, each with a `Record<ErrorCode, number>`, so a new code does
 * not compile until both are decided.
 * @module
 */

/** Every error code of the API. */
export const ERROR_CODES = [
  "invalid_argument",
  "unauthenticated",
  "permission_denied",
  "not_found",
  "already_exists",
  "conflict",
  "failed_precondition",
  "gone",
  "payload_too_large",
  "rate_limited",
  "internal",
  "unavailable",
  "deadline_exceeded",
] as const;

/** One of {@linkcode ERROR_CODES}. */
export type ErrorCode = typeof ERROR_CODES[number];

/** What is wrong with one field of one resource. */
export interface FieldIssue {
  /** The path in the resource's body: `["volumes", 0, "claim"]`. */
  path: (string | number)[];
  /** The problem in one sentence, without a final full stop. */
  message: string;
  /** What to do, if known: `did you mean "mountPath"?`. */
  hint?: string;
  /** Index of the resource in the cast; absent if there is only one. */
  resource?: number;
  /** The castfile and the position in it, if known; line and column start at 1. */
  file?: string;
  line?: number;
  column?: number;
}

/** Options of a {@linkcode RuneError}. */
export interface RuneErrorOptions {
  /** One sentence that says what to do. */
  hint?: string;
  /** The fields with a mistake. */
  issues?: FieldIssue[];
  /**
   * Whether a retry is pointless until a spec changes. Default: true for `invalid_argument`,
   * `permission_denied` and `failed_precondition`, else false.
   */
  permanent?: boolean;
  /** The underlying error. */
  cause?: unknown;
}

/** A failure with a code, a line that says what failed, and a line that says what to do. */
export class RuneError extends Error {
  override readonly name = "RuneError";
  readonly code: ErrorCode;
  readonly hint?: string;
  readonly issues?: FieldIssue[];
  readonly permanent: boolean;

  constructor(code: ErrorCode, message: string, options: RuneErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.issues = options.issues;
    this.permanent = options.permanent ??
      (code === "invalid_argument" || code === "permission_denied" || code === "failed_precondition");
  }
}

/** The error as a RuneError: itself, or wrapped as `internal` (`deadline_exceeded` for a timeout). */
export function toRuneError(error: unknown): RuneError {
  if (error instanceof RuneError) return error;
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new RuneError("deadline_exceeded", error.message, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new RuneError("internal", message, { cause: error });
}
