/** What a pass over an instance works with. Types alone. @module */
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

/** What the steps work with. */
export interface InstanceDeps {
  store: Store;
  nodes: Nodes;
  mounts: MountedVolumes;
  /** Keeps what cannot be stored. */
  unstored?: Unstored;
  /** Has a volume mounted anew whose directory is no longer what was mounted. */
  remount: (volume: Volume) => void;
  /** Where the last output of an instance that goes is kept. */
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
  /** The names that its run was given before in this pass. */
  published?: Publication | undefined;
  signal: AbortSignal;
}
