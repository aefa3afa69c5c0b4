import assert from "node:assert/strict";
import fc from "fast-check";
import { fieldChanges, sameValue } from "./changes.ts";

Deno.test("sameValue() ignores the order of keys, and treats undefined as absent", () => {
  assert.ok(sameValue({ a: 1, b: [{ c: 2 }] }, { b: [{ c: 2 }], a: 1 }));
  assert.ok(sameValue({ a: undefined }, {}));
  assert.ok(sameValue({}, { a: undefined }));
  for (
    const [from, to] of [[{ a: 1 }, { a: 2 }], [{ a: null }, {}], [[1, 2], [2, 1]], [[1], [1, 2]], [{}, []], [
      {},
      null,
    ], [{}, { constructor: Object }]]
  ) {
    assert.ok(!sameValue(from, to), JSON.stringify([from, to]));
    assert.ok(!sameValue(to, from), JSON.stringify([to, from]));
  }
});

Deno.test("sameValue() agrees with fieldChanges() on any two JSON values", () => {
  const pair = fc.tuple(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }));
  fc.assert(fc.property(pair, ([from, to]) => {
    assert.ok(sameValue(from, structuredClone(from)));
    assert.equal(sameValue(from, to), fieldChanges(from, to).length === 0 && kindOf(from) === kindOf(to));
  }));
});

const kindOf = (value: unknown) => value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
