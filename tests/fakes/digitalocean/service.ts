/** Takes requests as they come, meets faults, and checks what is sent and answered. @module */
import { type Account, notFound, Refusal } from "./account.ts";
import { type Answer, answerRequest, type Behaviour } from "./answers.ts";
import type { Faults, MetFault, Subject } from "./faults.ts";
import type { RawAnswer, RawRequest } from "./listener.ts";
import { answerMetadata } from "./metadata.ts";
import { findOperation, type OperationId } from "./operations.ts";
import { ANSWERS, BODIES, queryOf, refusalAnswer } from "./wire.ts";

/** A request that the fake has had. */
export interface LogEntry {
  method: string;
  path: string;
  query: string;
  body?: unknown;
  /** Absent if the API has no such operation. */
  op?: OperationId;
  /** The type of the action. */
  type?: string;
  /** 0 if no HTTP answer was sent. */
  status: number;
  answer?: unknown;
}

/** What a service works with. */
export interface ServiceParts {
  account: Account;
  faults: Faults;
  behaviour: Behaviour;
  log: LogEntry[];
  violations: string[];
  /** Runs work on the account, one after another. */
  run: <T>(work: () => Promise<T>) => Promise<T>;
  /** Resolves when the fake ends. */
  end: Promise<void>;
}

/** A request whose operation was found. */
interface FoundRequest {
  raw: RawRequest;
  op: OperationId;
  params: Record<string, string>;
  query: Record<string, string>;
  body: unknown;
  met: MetFault | undefined;
}

/** Creates the handler of all requests. */
export function createService(parts: ServiceParts): (request: RawRequest) => Promise<RawAnswer> {
  const { account, faults, log, violations } = parts;
  return async (raw) => {
    const { method, url, text } = raw;
    if (url.pathname.startsWith("/metadata/")) return answerMetadata(raw, { account, violations });
    const found = findOperation(method, url.pathname);
    const body = parseBody(text);
    const { type, name } = (body ?? {}) as { type?: unknown; name?: unknown };
    const entry: LogEntry = {
      ...{ method, path: url.pathname, query: url.search, status: 0 },
      ...(text !== "" && { body }),
      ...(found && { op: found.op }),
      ...(typeof type === "string" && { type }),
    };
    log.push(entry);
    if (!found) {
      violations.push(`${method} ${url.pathname}: the API has no such operation`);
      return send(refuse(notFound()), { entry, parts });
    }
    const query = Object.fromEntries(url.searchParams);
    const { volume_id: id } = found.params;
    const subject: Subject = {
      op: found.op,
      ...(entry.type !== undefined && { type: entry.type }),
      volume: [id, account.volumes.get(id ?? "")?.name, query.name, name].filter((n) =>
        typeof n === "string"
      ),
    };
    const met = faults.meet(subject);
    const act = () => parts.run(() => carryOut({ raw, ...found, query, body, met }, parts));
    if (!met) return send(await act(), { entry, parts });
    return await misbehave(met, { entry, raw, parts, act });
  };
}

/** Checks a request and carries it out. */
async function carryOut(
  { raw, op, params, query, body, met }: FoundRequest,
  { account, behaviour, violations }: ServiceParts,
): Promise<Answer> {
  const what = `${raw.method} ${raw.url.pathname}`;
  try {
    account.authorize(/^Bearer (\S+)$/.exec(raw.header("authorization") ?? "")?.[1], op);
    await account.settle();
    if (body !== undefined && !raw.header("content-type")?.startsWith("application/json")) {
      violations.push(`${what}: no content-type application/json`);
      throw new Refusal(415, "unsupported_media_type", "send JSON");
    }
    const form = { query: queryOf(op).safeParse(query), body: BODIES[op]?.safeParse(body) };
    for (const [part, parsed] of Object.entries(form)) {
      if (!parsed || parsed.success) continue;
      violations.push(`${what}: ${part}: ${parsed.error.message}`);
      throw new Refusal(400, "bad_request", `invalid ${part}`);
    }
    const fault = met?.fault;
    const checked = { op, params, query: form.query.data!, body, ...(fault && { fault }) };
    const answer = await answerRequest(account, checked, behaviour);
    const wrong = ANSWERS[op]?.safeParse(answer.body).error;
    if (wrong) violations.push(`${what}: the fake's answer: ${wrong.message}`);
    return answer;
  } catch (error) {
    if (error instanceof Refusal) return refuse(error);
    violations.push(`${what}: the fake failed: ${error instanceof Error ? error.stack : error}`);
    return refuse(new Refusal(500, "server_error", "the fake failed"));
  }
}

async function misbehave(
  { fault, late, reach, released }: MetFault,
  { entry, raw, parts, act }: {
    entry: LogEntry;
    raw: RawRequest;
    parts: ServiceParts;
    act: () => Promise<Answer>;
  },
): Promise<RawAnswer> {
  if ("hang" in fault) {
    const early = fault.hang === "after" ? await act() : undefined;
    reach();
    await Promise.race([released, parts.end]);
    if (raw.isGone()) return "reset";
    return send(early ?? await act(), { entry, parts });
  }
  if ("late" in fault) {
    const isReleased = Promise.race([released.then(() => true), parts.end.then(() => false)]);
    late.push(isReleased.then((go) => go ? act() : undefined));
    reach();
    return "reset";
  }
  reach();
  if ("after" in fault && fault.after) await act();
  if ("status" in fault) {
    const { status } = fault;
    const { id, message } = REFUSALS[status]!;
    const said = "message" in fault ? fault.message : message;
    const headers = status === 429 ? limitHeaders(fault) : {};
    return send(refuse(new Refusal(status, id, said)), { entry, parts, headers });
  }
  if ("reset" in fault) return "reset";
  if (!("garbage" in fault)) return send(await act(), { entry, parts });
  if (fault.garbage === "truncated") {
    return { truncated: JSON.stringify({ volumes: [], meta: { total: 0 } }) };
  }
  entry.status = 200;
  const text = fault.garbage === "html" ? "<html><body><h1>502 Bad Gateway</h1></body></html>" : "";
  return { status: 200, headers: { "content-type": "text/html" }, text };
}

const inSeconds = (seconds: number) => String(Math.ceil(Date.now() / 1000) + seconds);

/** `retry-after` comes only with the limit of a minute. */
const limitHeaders = ({ retryAfter, reset }: { retryAfter?: number; reset?: number }) => ({
  "ratelimit-remaining": "0",
  ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
  ...(reset !== undefined && { "ratelimit-reset": inSeconds(reset) }),
});

function send(
  { status, body }: Answer,
  { entry, parts: { log }, headers }: {
    entry: LogEntry;
    parts: ServiceParts;
    headers?: Record<string, string>;
  },
): RawAnswer {
  entry.status = status;
  if (body !== undefined) entry.answer = body;
  return {
    status,
    headers: {
      "content-type": "application/json",
      "ratelimit-limit": "5000",
      "ratelimit-remaining": String(Math.max(0, 5000 - log.length)),
      "ratelimit-reset": inSeconds(3600),
      ...headers,
    },
    ...(body !== undefined && { text: JSON.stringify(body) }),
  };
}

/** How DigitalOcean refuses for reasons that are not the request's. */
const REFUSALS: Record<number, { id: string; message: string }> = {
  401: { id: "unauthorized", message: "Unable to authenticate you" },
  403: { id: "forbidden", message: "You do not have access for the attempted action." },
  404: { id: "not_found", message: "The resource you were accessing could not be found." },
  409: { id: "conflict", message: "conflict" },
  422: { id: "unprocessable_entity", message: "unprocessable" },
  429: { id: "too_many_requests", message: "API Rate limit exceeded." },
  500: { id: "server_error", message: "Unexpected server-side error" },
  502: { id: "bad_gateway", message: "Bad Gateway" },
  503: { id: "service_unavailable", message: "Service Unavailable" },
};

function refuse({ status, id, message }: Refusal): Answer {
  return { status, body: refusalAnswer.parse({ id, message, request_id: crypto.randomUUID() }) };
}

/** The JSON of a body; the text itself if it is none. */
function parseBody(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
