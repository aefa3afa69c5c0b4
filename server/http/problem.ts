/** Turns errors into answers: the HTTP status of every code, and problem documents (RFC 9457). @module */
import type { Problem } from "../../model/api.ts";
import { type ErrorCode, type FieldIssue, type RuneError, toRuneError } from "../../model/error.ts";

/** The HTTP status of every error code. */
export const HTTP_STATUS: Record<ErrorCode, number> = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  conflict: 409,
  failed_precondition: 412,
  gone: 410,
  payload_too_large: 413,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
  deadline_exceeded: 504,
};

const titleOf = (code: ErrorCode) => {
  const words = code.replaceAll("_", " ");
  return words[0]!.toUpperCase() + words.slice(1);
};

/**
 * The most issues in an answer, and the most characters of each text. They may repeat what the client sent,
 * which may be long.
 */
const MOST = { issues: 100, path: 32, part: 256, text: 2000 };

const clip = (text: string, most: number = MOST.text) =>
  text.length <= most ? text : `${text.slice(0, most)}…`;

const clipIssue = ({ path, message, hint, ...rest }: FieldIssue): FieldIssue => ({
  ...rest,
  path: path.slice(0, MOST.path).map((part) => typeof part === "string" ? clip(part, MOST.part) : part),
  message: clip(message),
  ...(hint !== undefined && { hint: clip(hint) }),
});

/**
 * Creates the problem document of an error. The message of an `internal` error goes to the log, not to the
 * client.
 */
export function toProblem(error: unknown, requestId?: string): Problem {
  const known: RuneError = toRuneError(error);
  const internal = known.code === "internal";
  const hint = internal ? "see the daemon's log; search for the request id" : known.hint;
  return {
    type: "about:blank",
    title: titleOf(known.code),
    status: HTTP_STATUS[known.code],
    detail: internal ? "the daemon failed to answer this request" : clip(known.message),
    code: known.code,
    ...(hint !== undefined && { hint: clip(hint) }),
    ...(known.issues && { issues: known.issues.slice(0, MOST.issues).map(clipIssue) }),
    ...(requestId !== undefined && { requestId }),
  };
}

/**
 * Answers a failed request.
 *
 * @param options `status` replaces the status of the code; `headers` are added.
 */
export function problemResponse(
  problem: Problem,
  options: { status?: number; headers?: Record<string, string> } = {},
): Response {
  const status = options.status ?? problem.status;
  return new Response(JSON.stringify({ ...problem, status }), {
    status,
    headers: { "content-type": "application/problem+json", ...options.headers },
  });
}
