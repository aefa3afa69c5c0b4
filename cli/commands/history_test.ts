import assert from "node:assert/strict";
import { summarize } from "./history.ts";

const makeEntry = (generation: number, spec: unknown) => ({ generation, at: "", spec });

Deno.test("summarize() names the fields that a generation changed", () => {
  assert.equal(summarize(makeEntry(1, {}), undefined), "created");
  assert.equal(summarize(makeEntry(7, {}), undefined), "-");
  assert.equal(summarize(makeEntry(2, { a: 1 }), makeEntry(1, { a: 1 })), "forced, nothing changed");
  assert.equal(summarize(makeEntry(2, { a: 2, b: 1 }), makeEntry(1, { a: 1, b: 1 })), "a");
  assert.equal(
    summarize(makeEntry(2, { a: 1, b: 1, c: 1, d: 1, e: 1 }), makeEntry(1, {})),
    "a, b, c, 2 more",
  );
});
