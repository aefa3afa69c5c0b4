import assert from "node:assert/strict";
import { z } from "zod";
import { listFields } from "../model/field_docs/fields.ts";
import { findMismatches, kindPage } from "./reference_pages.ts";

const fields = listFields(z.strictObject({ name: z.string(), mode: z.enum(["a", "b"]).default("a") }));

Deno.test("findMismatches() names a field without docs, docs without a field, and a default that is written twice", () => {
  const docs = { name: { means: "Names it." }, mode: { means: "Says how." } };
  assert.deepEqual(findMismatches("volume", fields, docs), []);
  assert.deepEqual(findMismatches("volume", fields, { name: docs.name }), [
    "volume: mode has no row in model/field_docs/",
  ]);
  assert.deepEqual(findMismatches("volume", fields, { ...docs, size: { means: "Gone." } }), [
    "volume: there is no field size",
  ]);
  assert.deepEqual(
    findMismatches("volume", fields, { ...docs, mode: { means: "Says how.", default: "a" } }),
    [
      "volume: the schema says the default of mode; leave it out of the row",
    ],
  );
});

Deno.test("kindPage() leaves out columns that no field fills, and shows the runner for services alone", () => {
  const docs = { name: { means: "Names it.", example: "web" }, mode: { means: "Says how.", unit: "words" } };
  const page = kindPage("volume", fields, docs);
  assert.match(page, /^\| field \| type \| default \| unit \| example \| what it does \|$/m);
  const rowOf = (text: string, field: string) =>
    text.split("\n").find((line) => line.startsWith(`| \`${field}\``));
  assert.equal(rowOf(page, "mode"), "| `mode` | `a`, `b` | `a` | words |  | Says how. |");
  const row = rowOf(kindPage("service", fields, docs), "name");
  assert.equal(row, "| `name` | text | required |  | both | `name: web` | Names it. |");
});
