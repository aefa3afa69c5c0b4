/** On which node a volume or an instance is. There is one node: whoever adds another decides here. @module */
import type { Node, Nodes } from "./node.ts";

/** The node of every volume and every instance. */
export function findNode({ nodes }: { nodes: Nodes }): Node {
  return nodes.get(nodes.names[0]);
}
