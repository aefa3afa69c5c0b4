/**
 * What the plan of an instance looks at, and the steps that it may decide. Types alone, so that every file of
 * this folder may import them.
 * @module
 */
import type { Moment } from "../../base/clock.ts";
import type { InitStep } from "../../model/init_step.ts";
import type { Instance, InstanceStatus } from "../../model/instance.ts";
import type { LeaseHolder } from "../../model/lease.ts";
import type { VolumeMount } from "../../model/mounts.ts";
import type { Service, ServiceSpec } from "../../model/service.ts";
import type { Volume } from "../../model/volume.ts";
import type { HealthVerdict } from "../../node/probes/tracker.ts";
import type { Publication, RunState } from "../../runners/runner.ts";
import type { MountedVolume } from "../mounted_volumes.ts";

/** One mount of the instance and what stands behind it. */
export interface MountView {
  mount: VolumeMount;
  /** The volume's key. */
  namespace: string;
  name: string;
  volume: Volume | undefined;
  holders: LeaseHolder[];
  /** Where it is mounted, while this daemon knows it to be. */
  mounted: MountedVolume | undefined;
  /**
   * The snapshot that copies it now, as messages in the instance's namespace name it: until it is done nobody
   * may begin to write.
   */
  copiedFor?: string;
}

/** One dependency and what is there of it. */
export interface DependencyView {
  dependency: ServiceSpec["dependencies"][number];
  namespace: string;
  name: string;
  service: Service | undefined;
  instances: Instance[];
  /**
   * There are more instances, whose stored state is of before an outage: they count once they were looked at.
   */
  unseen?: true;
}

/**
 * How an instance takes part in the network that all namespaces share: only where a dependency crosses
 * namespaces.
 */
export interface SharedRole {
  /** A service of another namespace depends on it: it is named there. */
  seen: boolean;
  /** It depends on a service of another namespace: it finds names there. */
  sees: boolean;
}

/** All that the plan looks at. */
export interface InstanceView {
  instance: Instance;
  /** Its service; undefined when that is gone. */
  service: Service | undefined;
  mounts: MountView[];
  /** What the runner says of run `status.run`; undefined when there was none. */
  run: RunState | undefined;
  /** Its run is paused, and not by a snapshot of Rune's own. */
  paused?: boolean;
  /** What its probes say, while it runs and has some. */
  health?: HealthVerdict;
  /** The services that it waits for before its first run, and after everything was down. */
  dependencies?: DependencyView[];
  /** This boot of the host. */
  bootId?: string;
  /** It was not looked at since its runner could be reached again: what it was meanwhile, nobody saw. */
  firstLook?: boolean;
  /** How it takes part in the network of all namespaces; see {@linkcode Publication}. */
  shared?: SharedRole;
  /** What the runner says of the attempt at an init step that `status.init` names. */
  stepRun?: RunState | undefined;
  /**
   * What ended just now, its main process or an init step, printed nothing: then nobody is sent to its log.
   */
  silent?: true;
  /** For a next step with `runIf.fileMissing`: whether the file is missing. */
  fileMissing?: boolean | undefined;
  /** Why that cannot be told. */
  stepProblem?: string | undefined;
  /** Configmaps, secrets and keys that it needs and that are not there, in a sentence. */
  missingConfig?: string | undefined;
  now: Moment;
}

/** Steps of a plan that concern init steps. */
export type InitPlanStep =
  /** Record the attempt, make and start it. */
  | { do: "runStep"; run: number; step: InitStep; attempt: number; done: string[] }
  /** Record that a step is not needed. */
  | { do: "skipStep"; run: number; done: string[] }
  /** Stop the attempt under way: its time is up. */
  | { do: "stopStep" };

/** One step. */
export type InstanceStep =
  /** Stop and remove its runs, give up its leases, drop it. */
  | { do: "retire" }
  /** Take the leases of all its mounts, or none. */
  | { do: "acquire" }
  /** Make and start run number `run`. */
  | { do: "launch"; run: number }
  /** Give the running run these names; what it is told to be then. */
  | { do: "publish"; publication: Publication; then: InstanceStatus }
  /** End a run that failed its liveness check; `atOnce`: one that has no right to run. */
  | { do: "kill"; run: number; atOnce?: true }
  | InitPlanStep
  /** Make sure of what its first run needs, while the instance that it replaces still runs. */
  | { do: "prepare" }
  /** Remove what was made and is not started: the run, an attempt at one of its steps. */
  | { do: "discard" }
  /** Write this status when it differs; look again after `afterMs`. Says in `event` what is new. */
  | {
    do: "settle";
    status: InstanceStatus;
    afterMs?: number;
    event?: { type: "Normal" | "Warning"; reason: string; message: string };
    /** Nothing of it runs, and nothing follows: others may have its volumes. */
    releases?: true;
  };
