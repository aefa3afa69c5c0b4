import assert from "node:assert/strict";
import { parse } from "yaml";
import { z } from "zod";
import { BODIES, type CastKind } from "../declared.ts";
import { textsAsWritten } from "../text_fields.ts";
import { listFields } from "./fields.ts";
import { FIELD_DOCS } from "./kinds.ts";

Deno.test("listFields() shows types, bounds, defaults and nested fields, and shared ones once", () => {
  const inner = z.strictObject({ size: z.number().int().min(1).max(9) });
  const schema = z.strictObject({
    mode: z.enum(["a", "b"]).default("a"),
    list: z.array(inner).default([]),
    one: inner.optional(),
    words: z.union([z.string(), z.array(z.string())]),
  });
  assert.deepEqual(listFields(schema).map(({ schema: _, ...field }) => field), [
    { path: "mode", type: "`a`, `b`", default: "`a`" },
    { path: "list", type: "list", default: undefined },
    { path: "list[].size", type: "number, 1 to 9", default: "required" },
    { path: "one", type: "map", default: undefined },
    { path: "one.size", type: "number, 1 to 9", default: "required" },
    { path: "words", type: "text, or list of texts", default: "required" },
  ]);
  const twice = z.strictObject({ first: inner, second: inner });
  assert.deepEqual(listFields(twice).map(({ path, sameAs }) => [path, sameAs]), [
    ["first", undefined],
    ["first.size", undefined],
    ["second", "first"],
  ]);
});

for (const kind of Object.keys(BODIES) as CastKind[]) {
  Deno.test(`FIELD_DOCS has an example of every field of a ${kind}, and its schema accepts it`, () => {
    for (const { path, schema } of listFields(BODIES[kind])) {
      const { example } = FIELD_DOCS[kind][path] ?? {};
      assert.ok(example !== undefined, `${path} has no example`);
      const { value } = parse(`value: ${example}`);
      const { value: texts } = parse(`value: ${example}`, { schema: "failsafe" });
      const result = schema.safeParse(textsAsWritten(value, schema, { texts }));
      assert.ok(result.success, `${path}: ${example}: ${result.error?.message}`);
    }
  });
}
