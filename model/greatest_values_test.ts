/** Tests that every number and every duration in a schema has a greatest value. @module */
import assert from "node:assert/strict";
import type { z } from "zod";
import { castRequestSchema, execControlSchema, rollbackRequestSchema, scaleRequestSchema } from "./api.ts";
import { parseCastfile } from "./castfile.ts";
import { BODIES } from "./declared.ts";
import { nodesOf } from "./schema_fixture.ts";
import { defOf } from "./schema_parts.ts";

const SCHEMAS: Record<string, z.ZodType> = {
  ...BODIES,
  scaleRequestSchema,
  rollbackRequestSchema,
  castRequestSchema,
  execStart: execControlSchema.options[0],
  execResize: execControlSchema.options[2],
  execCredit: execControlSchema.options[3],
};

Deno.test("every number of a declaration or a request has a least and a greatest value", () => {
  let numbers = 0;
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    for (const { path, schema: node } of nodesOf(schema)) {
      if (defOf(node).type !== "number") continue;
      numbers++;
      for (const value of [Number.MAX_VALUE, 1e18, -1e18, -1, 0.5]) {
        assert.equal(node.safeParse(value).success, false, `${name}.${path.join(".")} takes ${value}`);
      }
    }
  }
  assert.ok(numbers > 25, `${numbers}`);
});

Deno.test("every duration of a declaration or a request has a greatest value, which the refusal names", () => {
  let durations = 0;
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    for (const { path, schema: node } of nodesOf(schema)) {
      if (!["string", "pipe"].includes(defOf(node).type)) continue;
      const takes = (text: string) => node.safeParse(text).success;
      // The first step of a pipe checks only the form; the pipe goes on from there.
      const isDuration = defOf(node).type === "pipe" && takes("1h") && !takes("1x") && !takes("ten");
      if (!isDuration) continue;
      durations++;
      const result = node.safeParse("36500d");
      assert.match(
        result.error?.issues[0]?.message ?? "taken",
        /^expected at most 366d, found 36500d$/,
        `${name}.${path}`,
      );
    }
  }
  assert.ok(durations >= 4, `${durations}`);
});

Deno.test("waits of thirty days are accepted, and those of more than a year are refused with the limit", () => {
  const service = (fields: string) =>
    parseCastfile(`service: { name: a, image: b, ${fields} }`, { file: "f", namespace: "default" }).issues
      .map(({ message }) => message);
  assert.deepEqual(service("stopTimeout: 30d, dependencies: [{ name: d, timeoutSeconds: 2592000 }]"), []);
  assert.deepEqual(service("stopTimeout: 367d"), ["expected at most 366d, found 367d"]);
  assert.deepEqual(service("stopTimeout: 99999999d"), ["expected at most 366d, found 99999999d"]);
  assert.match(service("stopTimeout: 10")[0]!, /^expected a duration: write a number and a unit/);
  assert.match(service("dependencies: [{ name: d, timeoutSeconds: 1e99 }]")[0]!, /at most|whole number/);
});
