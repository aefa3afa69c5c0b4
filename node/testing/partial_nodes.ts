/** Nodes for tests that need only a part of one. @module */
import { createNodes, type Node, type Nodes } from "../node.ts";

/** The one node `n1`, which has nothing but these parts; a call of another one fails the test. */
export function makeNodes(parts: Partial<Record<keyof Node, unknown>>): Nodes {
  return createNodes([{ name: "n1", ...parts } as Node]);
}
