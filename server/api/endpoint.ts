/**
 * One route of the API as a value: what it takes, what it answers, how. The same value is mounted, validated
 * against and written into the OpenAPI document, so that none of the three can drift.
 * @module
 */
import { z } from "zod";
import { parseDuration } from "../../model/duration.ts";
import { type FieldIssue, RuneError } from "../../model/error.ts";
import { fieldIssues } from "../../model/field_issues.ts";
import { textUpTo } from "../../model/bounded.ts";
import { LIMITS } from "../../model/limits.ts";
import { isName } from "../../model/name.ts";
import { shapeIssues } from "../../model/body_shape.ts";
import { permitParameters } from "../auth/parameters.ts";
import type { Principal } from "../auth/principal.ts";
import type { Route } from "../auth/route.ts";
import { textsAsWritten } from "../../model/text_fields.ts";
import { BodyRoom, type JsonBody, readJson } from "../http/json_body.ts";

/** A request whose parts were checked. */
export interface Call<Query = unknown, Body = unknown> {
  request: Request;
  /** The path's parameters; namespaces and names are well formed. */
  params: Record<string, string>;
  query: Query;
  body: Body;
  requestId: string;
  /** Who calls. */
  principal: Principal;
  /** Address of the peer. */
  peer: string;
  /** Says in the audit log what a request is about where its path does not. */
  note(what: string): void;
  /** Writes a refusal down that came after the answer had begun. Does nothing for other errors. */
  recordRefusal(error: unknown): void;
}

/** One kind of answer. */
export interface Answer {
  description: string;
  /** Of a JSON body. */
  schema?: z.ZodType;
  /** Of the data of each event of a stream. */
  events?: z.ZodType;
}

/** A route with what it takes and answers. */
export interface Endpoint extends Route {
  tag: string;
  summary: string;
  /** What the document shows of the body where the handler itself checks it more closely than `body` does. */
  documentedBody?: z.ZodType;
  /** Puts texts as they are written into the body, where its schema does not say which fields are texts. */
  bodyTexts?(body: unknown, texts: unknown): unknown;
  /** By HTTP status; problems are added to every route. */
  answers: Record<number, Answer>;
  handle(call: Call): Response | Promise<Response>;
}

/** A whole number in a query. */
export const wholeNumber = textUpTo(LIMITS.word).regex(/^\d{1,15}$/, { error: "expected a whole number" })
  .transform(
    Number,
  );

/** RFC 3339, or a duration that counts back from now. */
export const timeSchema = textUpTo(LIMITS.word).transform((text, ctx) => {
  const at = Date.parse(text);
  if (/^\d{4}-/.test(text) && !Number.isNaN(at)) return text;
  try {
    return new Date(Date.now() - parseDuration(text)).toISOString();
  } catch {
    ctx.addIssue({
      code: "custom",
      message: "expected a time such as 2026-01-31T12:00:00Z, or a duration such as 5m",
    });
    return z.NEVER;
  }
});

/** Declares an endpoint; its handler sees the types of its own query and body. */
export function endpoint<Query extends z.ZodObject = z.ZodObject, Body extends z.ZodType = z.ZodType>(
  declared: Omit<Endpoint, "handle" | "query" | "body"> & {
    query?: Query;
    body?: Body;
    handle(call: Call<z.output<Query>, z.output<Body>>): Response | Promise<Response>;
  },
): Endpoint {
  return declared as Endpoint;
}

function refuse(what: string, issues: FieldIssue[]): never {
  const [first] = issues;
  throw new RuneError("invalid_argument", `${what}: ${first!.path.join(".")}: ${first!.message}`, {
    hint: first!.hint,
    issues,
  });
}

function requireShape(what: string, schema: z.ZodType, value: unknown): void {
  const misshapen = shapeIssues(value, schema);
  if (misshapen.length > 0) refuse(what, misshapen);
}

function parse(what: string, schema: z.ZodType, value: unknown): unknown {
  requireShape(what, schema, value);
  const result = schema.safeParse(value);
  if (!result.success) refuse(what, fieldIssues(result.error, { schema, body: value }));
  return result.data;
}

function parseBody(endpoint: Endpoint, schema: z.ZodType, { value, texts }: JsonBody): unknown {
  requireShape("body", schema, value);
  const asWritten = endpoint.bodyTexts ??
    ((body, texts) => textsAsWritten(body, endpoint.documentedBody ?? schema, { texts }));
  // Hardly anybody sends numbers where texts belong.
  const converted = asWritten(value, value);
  return parse("body", schema, converted === value ? value : asWritten(value, texts()));
}

/** Events and instances have longer names than what users may declare, of the same letters. */
const STORED_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

function checkParams(params: Record<string, string>): void {
  for (const [key, value] of Object.entries(params)) {
    const valid = key === "namespace" ? isName(value) : STORED_NAME.test(value);
    if (!valid) {
      throw new RuneError("invalid_argument", `"${value}" is not a ${key === "namespace" ? key : "name"}`, {
        hint: "names hold lower-case letters, digits and '-', at most 63",
      });
    }
  }
}

/**
 * Checks a request against its endpoint and answers it.
 *
 * @throws {RuneError} `invalid_argument`, `payload_too_large`, or what the handler throws.
 */
export async function callEndpoint(
  endpoint: Endpoint,
  { request, params, ...rest }: Omit<Call, "query" | "body">,
): Promise<Response> {
  checkParams(params);
  const { searchParams } = new URL(request.url);
  const search = Object.fromEntries(searchParams);
  // Which of two was meant could be read one way by who permits and another by who acts.
  const repeated = Object.keys(search).find((name) => searchParams.getAll(name).length > 1);
  if (repeated !== undefined) {
    throw new RuneError("invalid_argument", `the query parameter "${repeated}" is given twice`, {
      hint: "leave one of them out",
    });
  }
  let query: unknown = {};
  if (endpoint.query) query = parse("query", endpoint.query, search);
  else if (Object.keys(search).length > 0) {
    const [name] = Object.keys(search);
    throw new RuneError("invalid_argument", `this path takes no query parameter "${name}"`, {
      hint: "remove it; /openapi.json lists what each path takes",
    });
  }
  using room = new BodyRoom();
  const body = endpoint.body
    ? parseBody(endpoint, endpoint.body, await readJson(request, { room }))
    : undefined;
  permitParameters(rest.principal.permit, endpoint, { input: { ...query as object, ...body as object } });
  return await endpoint.handle({ request, params, query, body, ...rest });
}
