/**
 * A route of the API as a value. The app, the validation and the OpenAPI document all use the same value, so
 * they cannot drift apart.
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

/** A validated request. */
export interface Call<Query = unknown, Body = unknown> {
  request: Request;
  /** The parameters of the path. Namespaces and names are well formed. */
  params: Record<string, string>;
  query: Query;
  body: Body;
  requestId: string;
  /** The caller. */
  principal: Principal;
  /** Address of the peer. */
  peer: string;
  /** Adds to the audit record what the request is about, where the path does not say it. */
  note(what: string): void;
  /** Records a refusal that came after the answer had begun. Ignores other errors. */
  recordRefusal(error: unknown): void;
}

/** An answer of an endpoint. */
export interface Answer {
  description: string;
  /** The schema of a JSON body. */
  schema?: z.ZodType;
  /** The schema of the data of each event in a stream. */
  events?: z.ZodType;
}

/** A route with its input, its answers and its handler. */
export interface Endpoint extends Route {
  tag: string;
  summary: string;
  /**
   * The schema of the body for the document, if the handler validates the body more strictly than `body`
   * does.
   */
  documentedBody?: z.ZodType;
  /** Puts the original texts into the body, if `body` does not say which fields are texts. */
  bodyTexts?(body: unknown, texts: unknown): unknown;
  /** The answers by HTTP status. Problems are added to every route. */
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

/** Declares an endpoint whose handler gets the types of its query and body. */
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
  // Numbers in place of texts are rare, so the original texts are looked up only then.
  const converted = asWritten(value, value);
  return parse("body", schema, converted === value ? value : asWritten(value, texts()));
}

/** Events and instances have longer names than users may declare, with the same characters. */
const STORED_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

function checkParams(params: Record<string, string>): void {
  for (const [key, value] of Object.entries(params)) {
    const valid = key === "namespace" ? isName(value) : STORED_NAME.test(value);
    if (!valid) {
      throw new RuneError("invalid_argument", `"${value}" is not a ${key === "namespace" ? key : "name"}`, {
        hint: "a name has at most 63 lower-case letters, digits and '-'",
      });
    }
  }
}

/**
 * Validates a request and answers it.
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
  // With two values, the check of rights and the handler could read different ones.
  const repeated = Object.keys(search).find((name) => searchParams.getAll(name).length > 1);
  if (repeated !== undefined) {
    throw new RuneError("invalid_argument", `the query parameter "${repeated}" is given twice`, {
      hint: "leave out one of them",
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
