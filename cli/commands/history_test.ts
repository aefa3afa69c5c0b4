import assert from "node:assert/strict";
import { summarize } from "./history.ts";

const past = (generation: number, spec: unknown) => ({ generation, at: "", spec });

Deno.test("summarize() names the fields that a generation changed", () => {
  assert.equal(summarize(past(1, {}), undefined), "created");
  assert.equal(summarize(past(7, {}), undefined), "-");
  assert.equal(summarize(past(2, { a: 1 }), past(1, { a: 1 })), "forced, nothing changed");
  assert.equal(summarize(past(2, { a: 2, b: 1 }), past(1, { a: 1, b: 1 })), "a");
  assert.equal(summarize(past(2, { a: 1, b: 1, c: 1, d: 1, e: 1 }), past(1, {})), "a, b, c, 2 more");
});
