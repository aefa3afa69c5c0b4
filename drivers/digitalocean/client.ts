/**
 * Sends requests to DigitalOcean. Reads and deletions are repeated after a failure. A POST is repeated only
 * if DigitalOcean refused it for its rate, since otherwise it may have been carried out: the caller gets
 * {@linkcode AnswerLost} and looks. The token goes to one host only, and into no message.
 * @module
 */
import { z } from "zod";
import { sleep, startDeadline } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";
import { abortError, checkAborted } from "../host_error.ts";
import { type Operation, type OperationName, OPERATIONS } from "./operations.ts";
import { createRate, type Rate } from "./rate.ts";
import { AnswerLost, type ApiRefusal, hideToken, parseRefusal } from "./refusals.ts";
import { metaSchema } from "./wire.ts";

/** The limit of one attempt. */
const ATTEMPT_MS = 30_000;
/** How long to wait before each further attempt, with up to a half more at random. */
const BACKOFF_MS = [1000, 2000, 4000, 8000];
/** The longest answer that is read, in bytes. A page of 200 volumes has about 150,000. */
const LONGEST = 4 << 20;
const PER_PAGE = 200;
/** How many elements a list may have. More come only from something that is not DigitalOcean. */
const MOST_ELEMENTS = 10_000;
/** The longest pause that DigitalOcean may ask for, and the pause if it names none. */
const LONGEST_PAUSE_MS = 60_000;
const PAUSE_MS = 5_000;

/** What a request says. */
export interface Request<T> {
  token: string;
  signal: AbortSignal;
  /** The values of the parameters of the path. */
  path?: Record<string, string | number>;
  query?: Record<string, string | number>;
  body?: unknown;
  /** The schema of the answer; absent if there is none. */
  schema: z.ZodType<T>;
  /** The limit of one attempt in milliseconds. Default: 30 seconds. */
  attemptMs?: number;
  /** Sends it at once and only once. The caller has waited for {@linkcode Client.reserve}. */
  reserved?: true;
}

/** A client of DigitalOcean's API. */
export interface Client {
  /** Waits until one request may start, for a caller that cannot wait later. */
  reserve(asker: { token: string; signal: AbortSignal }): Promise<void>;
  /**
   * Sends a request.
   *
   * @throws {ApiRefusal} if DigitalOcean refused it, also if its limit of requests holds until the signal
   * aborts; {AnswerLost} if it is not known whether it was carried out; {RuneError} `deadline_exceeded` or
   * `unavailable` if the signal aborted.
   */
  send<T>(operation: OperationName, request: Request<T>): Promise<T>;
  /**
   * Reads all pages of a list.
   *
   * @param key the property of the answer that has the elements.
   * @throws {AnswerLost} if it has more than 10,000: a part would look like all.
   */
  list<T>(operation: OperationName, key: string, request: Request<T>): Promise<T[]>;
}

/** The schema of an answer without content. */
export const NOTHING = z.unknown();

/** The options of {@linkcode createClient}. */
export interface ClientOptions {
  /** Where the API is: `https://api.digitalocean.com`. */
  apiUrl: string;
  rate?: Rate;
  /** How long to wait before each further attempt, in milliseconds. For tests. */
  backoffMs?: readonly number[];
  /** The limit of one attempt in milliseconds. For tests. */
  attemptMs?: number;
}

/** Creates a client. Nothing is sent before the first call. */
export function createClient(
  { apiUrl, rate = createRate(), backoffMs = BACKOFF_MS, attemptMs: longestMs = ATTEMPT_MS }: ClientOptions,
): Client {
  async function attempt(name: OperationName, request: Request<unknown>): Promise<Answer> {
    const { method, what }: Operation = OPERATIONS[name];
    const { token, signal, body, attemptMs = longestMs } = request;
    if (!request.reserved) await rate.take(token, signal);
    using deadline = startDeadline(attemptMs);
    const limit = AbortSignal.any([signal, deadline.signal]);
    // Deno sends a request again, also a POST, if a connection that it uses again is closed without an
    // answer.
    using connections = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    try {
      const response = await fetch(urlOf(apiUrl, name, request), {
        client: connections,
        method,
        // A redirection would carry the token elsewhere.
        redirect: "manual",
        signal: limit,
        headers: {
          accept: "application/json",
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, headers: response.headers, text: await readText(response) };
    } catch (cause) {
      if (signal.aborted) throw cause;
      const reason = cause instanceof Error ? hideToken(cause.message, token) : "no reason";
      throw new AnswerLost(`dovolume: no answer to the ${what}: ${reason}`);
    }
  }

  async function send<T>(name: OperationName, request: Request<T>): Promise<T> {
    const { method, what }: Operation = OPERATIONS[name];
    const { token, signal, schema } = request;
    const attempts = request.reserved ? 0 : backoffMs.length;
    checkAborted(`dovolume: ${what}`, signal);
    let limited: ApiRefusal | undefined;
    for (let failures = 0;; failures++) {
      const isLast = failures >= attempts;
      try {
        const answer = await attempt(name, request);
        const { status } = answer;
        if (status >= 200 && status < 300) return check(parse(answer.text), { schema, what });
        const refusal = parseRefusal(name, { status, body: parse(answer.text), token });
        if (status !== 429) throw refusal;
        rate.close(token, pauseOf(answer.headers));
        if (isLast) throw refusal;
        limited = refusal;
      } catch (error) {
        if (signal.aborted && !(error instanceof RuneError)) {
          throw limited ?? abortError(`dovolume: ${what}`, signal);
        }
        if (!(error instanceof AnswerLost) || method === "POST" || isLast) throw error;
        await pause(backoffMs[failures]!, { signal, what });
      }
    }
  }

  return {
    reserve: ({ token, signal }) => rate.take(token, signal),
    send,
    async list(name, key, request) {
      const { schema } = request;
      // Only what the schema keeps of a page is kept.
      const page = z.object({ [key]: z.array(schema).max(PER_PAGE) }).and(metaSchema);
      const found: z.output<typeof schema>[] = [];
      // Pages are counted here: the provider's links name a host, and the token goes to no other.
      for (let number = 1;; number++) {
        const query = { ...request.query, per_page: PER_PAGE, page: number };
        const answer = await send(name, { ...request, query, schema: page });
        const elements = (answer as unknown as Record<string, typeof found>)[key]!;
        found.push(...elements);
        if (elements.length === 0 || found.length >= answer.meta.total) return found;
        if (found.length > MOST_ELEMENTS) {
          throw new AnswerLost(
            `dovolume: the answer to the ${
              OPERATIONS[name].what
            } is not one of DigitalOcean: it has more than ${MOST_ELEMENTS} elements`,
          );
        }
      }
    },
  };
}

interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

function urlOf(apiUrl: string, name: OperationName, { path = {}, query = {} }: Request<unknown>): URL {
  const filled = OPERATIONS[name].path.replace(
    /\{(\w+)\}/g,
    (_, key: string) => encodeURIComponent(path[key]!),
  );
  const url = new URL(apiUrl.replace(/\/+$/, "") + filled);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value));
  return url;
}

/** Reads an answer, up to a limit, since a proxy in between may send anything. */
async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > LONGEST) throw new Error(`the answer has more than ${LONGEST} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The value of a JSON text; undefined if it is none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Checks the form of an answer. @throws {AnswerLost} if it is another: a page of a proxy, half an answer. */
function check<T>(value: unknown, { schema, what }: { schema: z.ZodType<T>; what: string }): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const at = parsed.error.issues[0]?.path.join(".");
  throw new AnswerLost(
    `dovolume: the answer to the ${what} is not one of DigitalOcean${at ? `: ${at}` : ""}`,
  );
}

/** How long DigitalOcean wants no requests, in milliseconds. */
function pauseOf(headers: Headers): number {
  const seconds = Number(headers.get("retry-after") ?? NaN);
  const untilReset = Number(headers.get("ratelimit-reset") ?? NaN) * 1000 - Date.now();
  const asked = seconds >= 0 ? seconds * 1000 : untilReset > 0 ? untilReset : PAUSE_MS;
  return Math.min(Math.max(asked, 0), LONGEST_PAUSE_MS);
}

async function pause(ms: number, { signal, what }: { signal: AbortSignal; what: string }): Promise<void> {
  try {
    await sleep(ms * (1 + Math.random() / 2), { signal });
  } catch {
    throw abortError(`dovolume: ${what}`, signal);
  }
}
