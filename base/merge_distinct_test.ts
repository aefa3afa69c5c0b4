import assert from "node:assert/strict";
import { mergeDistinct } from "./merge_distinct.ts";

Deno.test("mergeDistinct() has every key of every part", () => {
  assert.deepEqual(mergeDistinct([{ a: 1 }, {}, { b: 2 }], { what: "letter" }), { a: 1, b: 2 });
});

Deno.test("mergeDistinct() refuses a key that two parts have, whatever its values are", () => {
  for (const value of [1, undefined]) {
    assert.throws(() => mergeDistinct([{ a: 1, b: value }, { b: value }], { what: "letter" }), {
      message: 'there are two of the letter "b"',
    });
  }
});
