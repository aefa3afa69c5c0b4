/** The dependencies and arguments of a pass over an instance. Only types. @module */
import type { Clock } from "../../base/clock.ts";
import type { Volume } from "../../model/volume.ts";
import type { Node, Nodes } from "../../node/node.ts";
import type { NodeRunner } from "../../node/node_runner.ts";
import type { Publication } from "../../runners/runner.ts";
import type { SecretReader } from "../../store/secrets/vault.ts";
import type { Store } from "../../store/store.ts";
import type { ReadData } from "../config/data.ts";
import type { KeptLogs } from "../kept_logs/kept_logs.ts";
import type { MountedVolumes } from "../mounted_volumes.ts";
import type { Looks } from "./looks.ts";
import type { Unstored } from "./unstored.ts";
import type { InstanceView } from "./view.ts";

/** The dependencies of the steps. */
export interface InstanceDeps {
  store: Store;
  nodes: Nodes;
  mounts: MountedVolumes;
  /** Keeps state that could not be stored. */
  unstored?: Unstored;
  /** Requests a new mount of a volume whose directory was replaced. */
  remount: (volume: Volume) => void;
  /** Keeps the last output of a removed instance. */
  keptLogs: KeptLogs;
  readData: ReadData;
  secrets: SecretReader;
  clock: Clock;
  looks: Looks;
}

/** A pass over one instance. */
export interface Call {
  view: InstanceView;
  deps: InstanceDeps;
  /** The instance's node, and its runner there. */
  node: Node;
  runner: NodeRunner;
  /** The names that were published earlier in this pass. */
  published?: Publication | undefined;
  signal: AbortSignal;
}
