import assert from "node:assert/strict";
import { type Depending, findCycles } from "./dependencies.ts";

const graph = (edges: Record<string, string[]>) => {
  const all = Object.entries(edges).map(([name, on]): Depending => ({
    namespace: "n",
    name,
    spec: { dependencies: on.map((service) => ({ service, readyWhen: "running", optional: false })) },
  }));
  const find = (namespace: string, name: string) =>
    all.find((s) => s.namespace === namespace && s.name === name);
  return (start: string) => findCycles([find("n", start)!], find)[0];
};

Deno.test("findCycles() finds the path back to a service, and nothing if there is none", () => {
  assert.deepEqual(graph({ a: ["a"] })("a"), ["n/a", "n/a"]);
  assert.deepEqual(graph({ a: ["b"], b: ["c.n.rune"], c: ["a"] })("a"), ["n/a", "n/b", "n/c", "n/a"]);
  assert.equal(graph({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] })("a"), undefined);
  assert.deepEqual(
    graph({ a: ["b"], b: ["c"], c: ["b"] })("a"),
    ["n/b", "n/c", "n/b"],
    "a circle further on",
  );
  assert.equal(graph({ a: ["missing"] })("a"), undefined);
});
