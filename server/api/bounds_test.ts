/**
 * Every text, list and map in a request has an upper bound, and a request beyond it gets a short answer.
 * @module
 */
import assert from "node:assert/strict";
import type { z } from "zod";
import { execControlSchema } from "../../model/api.ts";
import { BODIES } from "../../model/declared.ts";
import { nodesOf } from "../../model/schema_fixture.ts";
import { defOf, greatestSize } from "../../model/schema_parts.ts";
import { endpoints } from "./app.ts";
import { problemOf, withServer } from "./server_fixture.ts";

const BOUNDED = ["string", "array", "record"];
/** Paths with values of any type, which `parseDeclared` checks with the schema of their kind. */
const OPEN = ["unknown"];

/** Whether every value that a schema accepts has a bound, from the schema or from a step of its pipe. */
function isBounded(schema: z.ZodType): boolean {
  const def = defOf(schema) as ReturnType<typeof defOf> & { out?: z.ZodType };
  if (BOUNDED.includes(def.type)) return greatestSize(schema) !== undefined;
  if (def.type === "pipe") return isBounded(def.out!) || isBounded(def.in!);
  if (def.innerType) return isBounded(def.innerType);
  if (def.type === "union") return def.options!.every(isBounded);
  return !["transform", ...OPEN].includes(def.type);
}

/** The paths without a bound. */
function unboundedIn(schema: z.ZodType, name: string): string[] {
  const covered = new Set<z.ZodType>();
  const found: string[] = [];
  for (const { path, schema: node, wraps } of nodesOf(schema)) {
    const def = defOf(node) as ReturnType<typeof defOf> & { out?: z.ZodType };
    // One step of a pipe with a bound is enough.
    if (covered.has(node) || (def.type === "pipe" && isBounded(node))) {
      for (const inner of wraps) covered.add(inner);
    }
    if (BOUNDED.includes(def.type) && !covered.has(node) && greatestSize(node) === undefined) {
      found.push(`${name}: ${path.join(".") || "itself"} (${def.type})`);
    }
  }
  return found;
}

Deno.test("every string, list and map of a castable kind, a request and a query has an upper bound", () =>
  withServer(({ deps }) => {
    const schemas: [string, z.ZodType][] = [
      ...Object.entries(BODIES),
      ...endpoints(deps).flatMap(({ method, path, body, query, documentedBody }): [string, z.ZodType][] => [
        ...body ? [[`${method} ${path} body`, body] as [string, z.ZodType]] : [],
        ...documentedBody ? [[`${method} ${path} documented`, documentedBody] as [string, z.ZodType]] : [],
        ...query ? [[`${method} ${path} query`, query] as [string, z.ZodType]] : [],
      ]),
      // The daemon sends the last two frames.
      ...execControlSchema.options.slice(0, 3).map((o, i): [string, z.ZodType] => [`exec frame ${i}`, o]),
    ];
    assert.ok(schemas.length > 40, `${schemas.length}`);
    assert.deepEqual(schemas.flatMap(([name, schema]) => unboundedIn(schema, name)), []);
    return Promise.resolve();
  }));

Deno.test("the answer to a body with a hundred thousand mistakes, or with huge words, has a few kilobytes", () =>
  withServer(async ({ send }) => {
    const many = 100_000;
    const sendWrong = (body: unknown) => send("POST", "/v1/cast", { resources: [{ kind: "service", body }] });
    const fields = Object.fromEntries(Array.from({ length: many }, (_, i) => [`field${i}`, i]));
    const word = "x".repeat(1_000_000);
    const bodies: unknown[] = [
      { name: "a", image: "b", ...fields },
      { name: "a", image: "b", env: Object.fromEntries(Object.keys(fields).map((key) => [key, {}])) },
      { name: "a", image: "b", ports: Array.from({ length: many }, () => ({ prot: 1 })) },
      { name: "a", image: "b", args: Array.from({ length: 1_000 }, () => ({})) },
      { name: word, image: "b" },
      { name: "a", image: "b", [word]: 1 },
      { name: "a", image: "b", env: { [word]: "1", A: word } },
      { name: "a", image: "b", expose: { port: word } },
      { name: "a", image: "b", volumes: [{ name: "v", mountPath: `/${word}`, claim: { name: word } }] },
    ];
    for (const body of bodies) {
      const answer = await sendWrong(body);
      const text = await answer.text();
      assert.equal(answer.status, 400, text.slice(0, 200));
      assert.ok(text.length < 100_000, `${text.length}: ${text.slice(0, 200)}`);
    }
    const set = Array.from(
      { length: 10_000 },
      () => ({ kind: "service", body: { nam: 1, imag: 2, por: 3 } }),
    );
    const answer = await send("POST", "/v1/cast", { resources: set });
    assert.equal(answer.status, 400);
    assert.ok((await answer.text()).length < 100_000);
    const path = "/v1/namespaces/default/services/a";
    await problemOf(send("PUT", path, { name: word, image: "b" }), "invalid_argument");
    const deep = `{"name":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    await problemOf(send("PUT", path, deep), "invalid_argument");
  }));
