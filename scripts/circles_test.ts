import assert from "node:assert/strict";
import { findCircles } from "./circles.ts";

const imports = (...pairs: [from: string, to: string][]) =>
  pairs.map(([from, to]) => ({ from, to, dynamic: false }));

Deno.test("findCircles() reports the path of a cycle once", () => {
  const found = findCircles(
    imports(["a.ts", "b.ts"], ["b.ts", "c.ts"], ["c.ts", "a.ts"], ["c.ts", "d.ts"], ["d.ts", "e.ts"]),
  );
  assert.deepEqual(found, ["a.ts: an import cycle: a.ts → b.ts → c.ts → a.ts"]);
});

Deno.test("findCircles() finds two separate cycles, and a file that imports itself", () => {
  const found = findCircles(imports(["a.ts", "b.ts"], ["b.ts", "a.ts"], ["c.ts", "c.ts"], ["a.ts", "c.ts"]));
  assert.equal(found.length, 2);
});

Deno.test("findCircles() counts dynamic imports, but no tests", () => {
  const loaded = [{ from: "a.ts", to: "b.ts", dynamic: true }, ...imports(["b.ts", "a.ts"])];
  assert.equal(findCircles(loaded).length, 1);
  assert.deepEqual(findCircles(imports(["a_test.ts", "b.ts"], ["b.ts", "a_test.ts"])), []);
  assert.deepEqual(findCircles(imports(["a.ts", "c.ts"], ["b.ts", "c.ts"], ["a.ts", "b.ts"])), []);
});
