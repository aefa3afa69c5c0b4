/**
 * DigitalOcean's own description of its API, an OpenAPI document. It is no part of the project: the tests
 * read it from the folder in `RUNE_DO_OPENAPI`, or else from `../shared/do-openapi` beside the checkout.
 * @module
 */
import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { join } from "node:path";
import { ROOT } from "../../../scripts/tree.ts";
import type { LogEntry } from "./service.ts";

/** A JSON schema, as far as the checks read it themselves. */
export interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  required?: string[];
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
}

/** An operation of the document. */
interface Described {
  operationId: string;
  security: Record<string, string[]>[];
  parameters?: { name: string; in: "path" | "query"; required?: boolean; schema: Schema }[];
  requestBody?: { content: { "application/json": { schema: Schema } } };
  responses: Record<string, { content?: { "application/json": { schema: Schema } } }>;
}

interface Document {
  paths: Record<string, Record<string, Described>>;
}

/** An operation, with where it is. */
export interface DescribedOperation {
  id: string;
  method: string;
  path: string;
  /** Without the old scopes of a whole token, which are alternatives. */
  scopes: string[];
  query: string[];
  body?: Schema;
  /** The schema of the answer with a status. */
  answerOf(status: number | string): Schema | undefined;
  /** What is wrong with a request and its answer. */
  check(entry: LogEntry): string[];
}

/** See the module comment. Reads it once. @returns undefined if it is not here. */
export const readDescription = (): Promise<DescribedOperation[] | undefined> => reading ??= read();
let reading: Promise<DescribedOperation[] | undefined> | undefined;

async function read(): Promise<DescribedOperation[] | undefined> {
  const folder = Deno.env.get("RUNE_DO_OPENAPI") ?? join(ROOT, "../shared/do-openapi");
  let text: string;
  try {
    text = await Deno.readTextFile(join(folder, "digitalocean-volumes.openapi.json"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addFormat("float", { type: "number", validate: Number.isFinite });
  return Object.entries((JSON.parse(text, mend) as Document).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => describe(ajv, { path, method, described }))
  );
}

/** Mends what is wrong in the document: it lacks newer regions, and YAML read the state `off` as false. */
function mend(key: string, value: unknown): unknown {
  if (key !== "enum" || !Array.isArray(value)) return value;
  if (value.includes("nyc3")) return undefined;
  return value.map((element) => element === false ? "off" : element);
}

function describe(
  ajv: Ajv,
  { path, method, described }: { path: string; method: string; described: Described },
): DescribedOperation {
  const { operationId: id, security, parameters = [], requestBody, responses } = described;
  const answerOf = (status: number | string) => {
    const response = responses[status] ?? responses.default;
    return response?.content?.["application/json"].schema;
  };
  const body = requestBody?.content["application/json"].schema;
  const compiled = new Map<Schema, ValidateFunction>();
  const validate = (what: string, schema: Schema, value: unknown): string[] => {
    const run = compiled.get(schema) ?? ajv.compile(schema);
    compiled.set(schema, run);
    if (run(value)) return [];
    return [`${what}: ${ajv.errorsText(run.errors)}`];
  };
  const query = parameters.filter(({ in: place }) => place === "query").map(({ name }) => name);
  const pattern = new RegExp(`^${path.replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);
  return {
    id,
    method: method.toUpperCase(),
    path,
    scopes: security.flatMap((scheme) => Object.values(scheme).flat()).filter((s) => !/^api:/.test(s)),
    query,
    ...(body && { body }),
    answerOf,
    check(entry) {
      const found: string[] = [];
      const given: Record<string, Record<string, string>> = {
        path: { ...pattern.exec(entry.path)?.groups },
        query: Object.fromEntries(new URLSearchParams(entry.query)),
      };
      for (const { name, in: place, schema } of parameters) {
        const value = given[place]![name];
        if (value === undefined) continue;
        found.push(...validate(name, schema, schema.type === "integer" ? Number(value) : value));
      }
      const unknown = Object.keys(given.query!).filter((name) => !query.includes(name));
      found.push(...unknown.map((name) => `${name}: no such parameter`));
      if (body) found.push(...validate("body", body, entry.body), ...findUnknown(entry.body, body));
      else if (entry.body !== undefined) found.push("body: there is none");
      const answer = answerOf(entry.status);
      if (answer) {
        found.push(...validate("answer", answer, entry.answer));
        found.push(...compareProperties(entry.answer, { schema: answer, at: "answer" }));
      } else if (entry.answer !== undefined) found.push("answer: there is none");
      return found.map((line) => `${entry.method} ${entry.path} (${entry.status}): ${line}`);
    },
  };
}

/** The schemas of the properties of an object, from all parts of its schema. */
export function propertiesOf(schema: Schema): Map<string, Schema[]> {
  const found = new Map<string, Schema[]>();
  const visit = (part: Schema) => {
    for (const [name, of] of Object.entries(part.properties ?? {})) {
      found.set(name, [...found.get(name) ?? [], of]);
    }
    for (const inner of [...part.allOf ?? [], ...part.anyOf ?? [], ...part.oneOf ?? []]) visit(inner);
  };
  visit(schema);
  return found;
}

/** The properties of a request that the document does not name; it permits them, but they do nothing. */
function findUnknown(body: unknown, schema: Schema): string[] {
  const known = propertiesOf(schema);
  return Object.keys(body ?? {}).filter((name) => !known.has(name)).map((name) => `body: ${name} is unknown`);
}

/** What an answer may leave out, although the document names it. */
const OPTIONAL = /^answer\.(request_id|links\.pages(\.\w+)?|droplets?(\.\d+)?(\.size)?\.gpu_info)$/;

/** How the properties of an answer differ from those that the document names. It requires only few. */
function compareProperties(value: unknown, { schema, at }: { schema: Schema; at: string }): string[] {
  if (Array.isArray(value)) {
    const items = collectItems(schema);
    if (!items) return [];
    return value.flatMap((element, i) => compareProperties(element, { schema: items, at: `${at}.${i}` }));
  }
  if (value === null || typeof value !== "object") return [];
  const known = propertiesOf(schema);
  const unknown = Object.keys(value).filter((name) => !known.has(name)).map((name) =>
    `${at}.${name} is unknown`
  );
  const missing = [...known].flatMap(([name, of]) => {
    const path = `${at}.${name}`;
    const inner = (value as Record<string, unknown>)[name];
    if (inner === undefined) return OPTIONAL.test(path) ? [] : [`${path} is missing`];
    return compareProperties(inner, { schema: { allOf: of }, at: path });
  });
  return [...unknown, ...missing];
}

function collectItems(schema: Schema): Schema | undefined {
  if (schema.items) return schema.items;
  return [...schema.allOf ?? [], ...schema.anyOf ?? [], ...schema.oneOf ?? []].map(collectItems)
    .find((items) => items !== undefined);
}
