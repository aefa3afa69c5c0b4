/**
 * The one error type of Rune. Codes are the contract: callers branch on `code`, never on text.
 * HTTP statuses and exit codes are mapped where they are spoken (`server/`, `cli/`), each by a
 * `Record<ErrorCode, number>`, so that a new code does not compile until both are decided.
 * @module
 */

/** Every error code, in the words of the API (SPEC 6). */
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
  /** Where in the resource's body: `["volumes", 0, "claim"]`. */
  path: (string | number)[];
  /** What was expected, in one sentence without a final full stop. */
  message: string;
  /** What to do, when it is known: `did you mean "mountPath"?`. */
  hint?: string;
  /** Index of the resource in the cast; absent where there is only one. */
  resource?: number;
  /** The castfile and 1-based position, where a file is known. */
  file?: string;
  line?: number;
  column?: number;
}

/** Options of a {@linkcode RuneError}. */
export interface RuneErrorOptions {
  /** One sentence that says what to do. */
  hint?: string;
  /** Fields that are wrong. */
  issues?: FieldIssue[];
  /** True when trying again cannot help until a spec changes. Default: true for `invalid_argument`,
   * `permission_denied` and `failed_precondition`, false else. */
  permanent?: boolean;
  /** The error underneath. */
  cause?: unknown;
}

/** A failure with a code, one line that says what failed and one that says what to do. */
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

/** The error as a RuneError: itself, or wrapped as `internal` (or `deadline_exceeded` for an abort by timeout). */
export function toRuneError(error: unknown): RuneError {
  if (error instanceof RuneError) return error;
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new RuneError("deadline_exceeded", error.message, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new RuneError("internal", message, { cause: error });
}
