/** Decides which node a volume or an instance is on. There is only one node so far. @module */
import type { Node, Nodes } from "./node.ts";

/** The node of every volume and every instance. */
export function findNode({ nodes }: { nodes: Nodes }): Node {
  return nodes.get(nodes.names[0]);
}
