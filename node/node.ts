/**
 * The contract of a node: one machine with its drivers, runners, volumes, probes and run files. Controllers
 * and the API reach a machine through it alone.
 *
 * A second machine will implement it over a wire, so a call takes a signal, alone or in what it is given, and
 * answers with data or a stream. What is open, mounted or held stays inside the node. See
 * docs/decisions/0062.
 * @module
 */
import { RuneError } from "../model/error.ts";
import type { RunnerName } from "../model/instance.ts";
import type { NodeDriver } from "./node_driver.ts";
import type { NodeRunner } from "./node_runner.ts";
import type { RunFiles } from "./files.ts";
import type { NodeProbes } from "./probes.ts";
import type { Proxy } from "./proxy/proxy.ts";
import type { NodeVolumes } from "./volumes.ts";

/** See the module comment. */
export interface Node {
  readonly name: string;
  readonly labels: Record<string, string>;
  /** This boot of the machine. */
  readonly bootId: string;
  /** Whether its process runner can tell when all processes of a run are gone. */
  readonly containsProcesses: boolean;
  /** By name; their calls take parameters as they are stored. */
  readonly drivers: ReadonlyMap<string, NodeDriver>;
  readonly runners: ReadonlyMap<RunnerName, NodeRunner>;
  /** Where volumes are brought, and shown to runs. */
  readonly volumes: NodeVolumes;
  /** Where the files of configmaps and secrets are made for runs. */
  readonly files: RunFiles;
  readonly probes: NodeProbes;
  /** What leads host names to what runs. */
  readonly proxy: Proxy;
}

/** The nodes that there are. */
export interface Nodes {
  /** At least one. */
  readonly names: readonly [string, ...string[]];
  /** @throws {RuneError} `unavailable` for a node that is not here. */
  get(name: string): Node;
}

/** The one place that nodes are had from. */
export function createNodes(nodes: readonly [Node, ...Node[]]): Nodes {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  return {
    names: [nodes[0].name, ...nodes.slice(1).map(({ name }) => name)],
    get(name) {
      const node = byName.get(name);
      if (node) return node;
      throw new RuneError("unavailable", `node "${name}" is not part of this daemon`, {
        hint: `its nodes: ${[...byName.keys()].join(", ")}`,
      });
    },
  };
}
