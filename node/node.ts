/**
 * The contract of a node: one machine with its drivers, runners, mounts, probes and run files. Controllers and the API reach a
 * machine through it alone.
 *
 * A second machine will implement it over a wire, so a new call takes a signal and answers with data or a stream. Four parts are
 * not there yet: `stage`, `holds` and the `open` of a driver pass open directories, and the session of `exec` has a method.
 * See docs/decisions/0051.
 * @module
 */
import type { DirectoryHolds } from "../drivers/directory_hold.ts";
import { RuneError } from "../model/error.ts";
import type { RunnerName } from "../model/instance.ts";
import type { Runner } from "../runners/runner.ts";
import type { NodeDriver } from "./driver_calls.ts";
import type { Stage } from "./mounts/stage.ts";
import type { Prober } from "./probes/prober.ts";
import type { RunFiles } from "./run_files.ts";

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
  readonly runners: Map<RunnerName, Runner>;
  readonly prober: Prober;
  /** Where volumes are shown to runs. */
  readonly stage: Stage;
  /** Which daemon of this machine has which directory. */
  readonly holds: DirectoryHolds;
  /** Where the files of configmaps and secrets are made for runs. */
  readonly files: RunFiles;
}

/** The nodes that there are. */
export interface Nodes {
  /** @throws {RuneError} `unavailable` for a node that is not here. */
  get(name: string): Node;
}

/** The one place that nodes are had from. */
export function createNodes(nodes: readonly Node[]): Nodes {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  return {
    get(name) {
      const node = byName.get(name);
      if (node) return node;
      throw new RuneError("unavailable", `node "${name}" is not part of this daemon`, {
        hint: `its nodes: ${[...byName.keys()].join(", ")}`,
      });
    },
  };
}
