/** What a pass over an instance works with. Types alone. @module */
import type { Clock } from "../../base/clock.ts";
import type { RunnerName } from "../../model/instance.ts";
import type { Volume } from "../../model/volume.ts";
import type { MountTable } from "../../node/mount_table.ts";
import type { Stage } from "../../node/mounts/stage.ts";
import type { Prober } from "../../node/probes/prober.ts";
import type { RunFiles } from "../../node/run_files.ts";
import type { Publication, Runner } from "../../runners/runner.ts";
import type { SecretReader } from "../../store/secrets/vault.ts";
import type { Store } from "../../store/store.ts";
import type { ReadData } from "../config/data.ts";
import type { KeptLogs } from "../kept_logs/kept_logs.ts";
import type { Looks } from "./looks.ts";
import type { Unstored } from "./unstored.ts";
import type { InstanceView } from "./view.ts";

/** What the steps work with. */
export interface InstanceDeps {
  store: Store;
  runners: Map<RunnerName, Runner>;
  mounts: MountTable;
  /** Keeps what cannot be stored. */
  unstored?: Unstored;
  stage: Stage;
  /** Has a volume mounted anew whose directory is no longer what was mounted. */
  remount: (volume: Volume) => void;
  prober: Prober;
  files: RunFiles;
  /** Where the last output of an instance that goes is kept. */
  keptLogs: KeptLogs;
  readData: ReadData;
  secrets: SecretReader;
  clock: Clock;
  looks: Looks;
  /** This boot of the host. */
  bootId: string;
}

/** A pass over one instance. */
export interface Call {
  view: InstanceView;
  deps: InstanceDeps;
  runner: Runner;
  /** The names that its run was given before in this pass. */
  published?: Publication | undefined;
  signal: AbortSignal;
}
