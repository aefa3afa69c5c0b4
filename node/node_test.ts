import assert from "node:assert/strict";
import { createNodes, type Node } from "./node.ts";

Deno.test("createNodes() gives a node by its name, and says which there are for another", () => {
  const node = { name: "n1" } as Node;
  const nodes = createNodes([node]);
  assert.equal(nodes.get("n1"), node);
  assert.throws(() => nodes.get("n2"), { code: "unavailable", hint: "its nodes: n1" });
});
