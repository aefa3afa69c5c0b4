import assert from "node:assert/strict";
import { z } from "zod";
import { parseCastfile } from "./castfile.ts";
import { fieldChanges } from "./changes.ts";
import { dataKeySchema } from "./config_map.ts";
import { BODIES, type CastKind, parseDeclared } from "./declared.ts";
import { shapeIssues } from "./body_shape.ts";
import { nodesOf } from "./schema_fixture.ts";
import { defOf } from "./schema_parts.ts";

/** Names that every object inherits. Authors of castfiles may use them like any other. */
const INHERITED = ["constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "isPrototypeOf"];

/** A body with nothing but `value` at a path. */
function bodyWith(path: string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, part) => part === "0" ? [inner] : { [part]: inner }, value);
}

/** Every map with free keys, of every castable kind. */
const MAPS = (Object.keys(BODIES) as CastKind[]).flatMap((kind) =>
  [...nodesOf(BODIES[kind])].filter(({ schema }) => defOf(schema).type === "record")
    .map(({ path, schema }) => ({ kind, path, schema }))
);

/** A value that a map accepts. */
function sampleOf(map: z.ZodType, key: string): unknown {
  const samples = ["x", 1, "10m", {}, []];
  return samples.find((sample) => map.safeParse({ [key]: sample }).success);
}

Deno.test("every map of every kind refuses __proto__ with its path, and keeps constructor and the like", () => {
  assert.ok(MAPS.length >= 12, `${MAPS.length}`);
  for (const { kind, path, schema } of MAPS) {
    const where = `${kind} ${path.join(".")}`;
    const body = bodyWith(path, JSON.parse('{"__proto__": "x"}'));
    const result = parseDeclared(kind, body, { namespace: "default" });
    assert.ok("issues" in result, where);
    const wanted = [...path.map((part) => part === "0" ? 0 : part), "__proto__"];
    assert.deepEqual(result.issues.map((issue) => issue.path), [wanted], where);
    for (const key of INHERITED) {
      const sample = sampleOf(schema, key);
      assert.notEqual(sample, undefined, `${where}: no value fits ${key}`);
      const parsed = z.record(z.string(), z.unknown()).parse(schema.parse({ [key]: sample }));
      assert.ok(Object.hasOwn(parsed, key), `${where}: ${key} was dropped`);
    }
  }
});

Deno.test("a castfile in YAML, with a merge, and in JSON says where __proto__ stands", () => {
  const texts = [
    "service:\n  name: a\n  image: b\n  env:\n    __proto__: x\n",
    '{"service": {"name": "a", "image": "b", "env": {"__proto__": "x"}}}',
    "configmap: { name: a, data: [{ key: __proto__, value: x }] }",
  ];
  for (const text of texts) {
    const { resources, issues } = parseCastfile(text, { file: "f", namespace: "default" });
    assert.equal(resources.length, 0, text);
    assert.ok(issues.length > 0 && issues[0]!.line !== undefined, text);
  }
  const kept = parseCastfile("service: { name: a, image: b, env: { constructor: x, toString: y } }", {
    file: "f",
    namespace: "default",
  });
  const [{ declared }] = kept.resources as [typeof kept.resources[number]];
  assert.deepEqual(declared.kind === "service" && Object.entries(declared.spec.env), [
    ["constructor", "x"],
    ["toString", "y"],
  ]);
});

Deno.test("shapeIssues() ends in a cycle, reports a bounded number, and looks no deeper than it must", () => {
  const circle: Record<string, unknown> = {};
  circle.self = [circle];
  assert.deepEqual(shapeIssues(circle, z.any()), []);
  const many = Array.from({ length: 10_000 }, () => JSON.parse('{"__proto__": 1}'));
  assert.equal(shapeIssues(many, z.any()).length, 20);
  const deep = JSON.parse('{"a":'.repeat(5_000) + '{"__proto__": 1}' + "}".repeat(5_000));
  assert.deepEqual(shapeIssues(deep, z.any()), [{
    path: ["a"],
    message: "nested deeper than 64 levels",
  }]);
});

Deno.test("dataKeySchema refuses __proto__ also where a list of {key, value} or a flag names it", () => {
  assert.equal(dataKeySchema.safeParse("__proto__").success, false);
  assert.equal(dataKeySchema.safeParse("constructor").success, true);
});

Deno.test("fieldChanges() treats an inherited name as absent", () => {
  assert.deepEqual(fieldChanges({}, { constructor: "x" }), [{ path: "constructor", to: "x" }]);
  assert.deepEqual(fieldChanges({ toString: "x" }, {}), [{ path: "toString", from: "x" }]);
});

Deno.test("shapeIssues() counts entries before a schema looks at each of them", () => {
  const list = { ports: Array.from({ length: 100_000 }, () => ({})) };
  const result = parseDeclared("service", { name: "a", image: "b", ...list }, { namespace: "default" });
  assert.deepEqual("issues" in result && result.issues, [
    { path: ["ports"], message: "expected at most 256 entries, found 100000" },
  ]);
  const env = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`A${i}`, {}]));
  const map = parseDeclared("service", { name: "a", image: "b", env }, { namespace: "default" });
  assert.match("issues" in map ? map.issues[0]!.message : "", /^expected at most 1024 entries/);
});

Deno.test("shapeIssues() skips values without a schema: they are refused, or checked later", () => {
  const many = Array.from({ length: 1_000_000 }, () => ({}));
  let looked = 0;
  const counting = new Proxy(many, {
    get: (target, key) => (looked++, Reflect.get(target, key)),
  });
  const schema = z.strictObject({ body: z.record(z.string(), z.unknown()) });
  assert.deepEqual(shapeIssues({ other: counting, body: { any: counting } }, schema), []);
  assert.equal(looked, 0);
  const inBody = JSON.parse('{"body": {"__proto__": 1}}');
  assert.deepEqual(shapeIssues(inBody, schema).map((issue) => issue.path), [["body", "__proto__"]]);
});
