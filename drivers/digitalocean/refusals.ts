/** Turns refusals of DigitalOcean into errors that say what to do. @module */
import { type ErrorCode, RuneError } from "../../model/error.ts";
import { type Operation, type OperationName, OPERATIONS } from "./operations.ts";
import { refusalSchema } from "./wire.ts";

/** DigitalOcean answered and refused. Nothing has changed. */
export class ApiRefusal extends RuneError {
  /** The HTTP status. */
  readonly status: number;
  /** DigitalOcean's own sentence. */
  readonly said: string;

  constructor(
    { status, said, code }: { status: number; said: string; code: ErrorCode },
    message: string,
    options: { hint?: string; permanent?: boolean },
  ) {
    super(code, message, options);
    this.status = status;
    this.said = said;
  }
}

/** No usable answer came. The request may have been carried out. */
export class AnswerLost extends RuneError {
  constructor(message: string, options: { cause?: unknown; hint?: string } = {}) {
    super("unavailable", message, { hint: "Rune looks at what became of it, and tries again", ...options });
  }
}

// DigitalOcean also answers 403 when the account has as much as it may have.
const QUOTA = /limit|quota|capacity|exceed/i;
const TOO_MANY = /more than \d+ volumes/i;

/**
 * Reads an answer that is no success.
 *
 * @param answer.token is left out of the error, should the answer repeat it.
 * @throws {AnswerLost} if DigitalOcean did not refuse: it failed, or something else answered. So a proxy that
 * answers 404 never makes Rune believe that a volume is gone.
 */
export function parseRefusal(
  name: OperationName,
  { status, body, token }: { status: number; body: unknown; token: string },
): ApiRefusal {
  const operation: Operation = OPERATIONS[name];
  const parsed = refusalSchema.safeParse(body);
  if (status < 400 || status >= 500 || (!parsed.success && status !== 429)) {
    throw new AnswerLost(`dovolume: the ${operation.what} failed: status ${status}`);
  }
  const shorten = (text: string, length: number) => hideToken(text, token).slice(0, length);
  const said = shorten(parsed.data?.message ?? "it gave no reason", 300);
  const request = parsed.data?.request_id;
  const about = request ? `, request ${shorten(request, 64)}` : "";
  const refuse = (
    code: ErrorCode,
    message: string,
    options: { hint?: string; permanent: boolean },
  ) => new ApiRefusal({ status, said, code }, message, options);
  const sentence = `dovolume: ${operation.what} refused: ${said} (status ${status}${about})`;
  switch (status) {
    case 401:
      return refuse("failed_precondition", `dovolume: DigitalOcean refused the token: ${said}`, {
        hint: "make another token and rotate the secret that apiToken names; Rune then continues by itself",
        permanent: false,
      });
    case 403:
      if (QUOTA.test(said)) {
        return refuse("failed_precondition", `dovolume: a limit of the account is reached: ${said}`, {
          hint: "delete what is no longer needed (rune volume orphans), or ask DigitalOcean for more",
          permanent: false,
        });
      }
      return refuse(
        "failed_precondition",
        `dovolume: the token lacks the scope ${operation.scope}, which the ${operation.what} needs: ${said}`,
        {
          hint: "make a token with that scope and rotate the secret that apiToken names",
          permanent: false,
        },
      );
    case 404:
      return refuse("not_found", sentence, { permanent: false });
    case 409:
      return refuse("conflict", sentence, { permanent: false });
    case 429:
      return refuse("rate_limited", sentence, {
        hint: "DigitalOcean permits 250 requests a minute and 5000 an hour for each token",
        permanent: false,
      });
    default:
      return refuse("failed_precondition", sentence, {
        hint: TOO_MANY.test(said)
          ? "detach a volume that nobody needs from this droplet, or use another droplet"
          : "DigitalOcean's own words say what it lacks; Rune tries again",
        permanent: false,
      });
  }
}

/** The text without the token. */
export const hideToken = (text: string, token: string): string => text.replaceAll(token, "…");

/** Whether an error is a refusal with one of these statuses. */
export function isRefusal(error: unknown, ...statuses: number[]): error is ApiRefusal {
  return error instanceof ApiRefusal && statuses.includes(error.status);
}

/**
 * Whether the droplet is busy with another action. Texts of DigitalOcean may change, so callers also look at
 * what is true.
 */
export const isPending = (error: unknown): error is ApiRefusal =>
  isRefusal(error, 422, 409) && /pending event|in progress|another event/i.test(error.said);
