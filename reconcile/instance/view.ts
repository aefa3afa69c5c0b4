/**
 * The observed state that an instance's plan is made from, and the steps of a plan. Only types, so that every
 * file of this folder may import them.
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

/** One mount of the instance and its volume. */
export interface MountView {
  mount: VolumeMount;
  /** The volume's key. */
  namespace: string;
  name: string;
  volume: Volume | undefined;
  holders: LeaseHolder[];
  /** Where the volume is mounted, as confirmed by this daemon. */
  mounted: MountedVolume | undefined;
  /**
   * The snapshot that is copying the volume, as named in messages for the instance's namespace. Until the
   * copy is done, no new writer may start.
   */
  copiedFor?: string;
}

/** One dependency and its observed service. */
export interface DependencyView {
  dependency: ServiceSpec["dependencies"][number];
  namespace: string;
  name: string;
  service: Service | undefined;
  instances: Instance[];
  /**
   * There are more instances, whose stored state is older than an outage. They count once they are observed.
   */
  unseen?: true;
}

/**
 * How an instance takes part in the network shared by all namespaces. It does so only if a dependency crosses
 * namespaces.
 */
export interface SharedRole {
  /** A service of another namespace depends on it, so it has names there. */
  seen: boolean;
  /** It depends on a service of another namespace, so it looks up names there. */
  sees: boolean;
}

/** The observed state that a plan is made from. */
export interface InstanceView {
  instance: Instance;
  /** The instance's service; undefined if it is gone. */
  service: Service | undefined;
  mounts: MountView[];
  /** The runner's state of run `status.run`; undefined if there was none. */
  run: RunState | undefined;
  /** Its run is paused, but not for a snapshot. */
  paused?: boolean;
  /** The verdict of its probes, while it runs and has probes. */
  health?: HealthVerdict;
  /** The services that it waits for before its first run, and after everything was down. */
  dependencies?: DependencyView[];
  /** This boot of the host. */
  bootId?: string;
  /** This is the first observation since its runner became reachable; nobody saw what happened before. */
  firstLook?: boolean;
  /** How it takes part in the network of all namespaces; see {@linkcode Publication}. */
  shared?: SharedRole;
  /** The runner's state of the attempt at an init step that `status.init` names. */
  stepRun?: RunState | undefined;
  /**
   * The main process or init step that just ended printed nothing, so messages do not point to its log.
   */
  silent?: true;
  /** For a next step with `runIf.fileMissing`: whether the file is missing. */
  fileMissing?: boolean | undefined;
  /** Why `fileMissing` is unknown. */
  stepProblem?: string | undefined;
  /** A sentence that names missing configmaps, secrets and keys. */
  missingConfig?: string | undefined;
  now: Moment;
}

/** Steps of a plan that concern init steps. */
export type InitPlanStep =
  /** Record the attempt, create and start it. */
  | { do: "runStep"; run: number; step: InitStep; attempt: number; done: string[] }
  /** Record that a step is not needed. */
  | { do: "skipStep"; run: number; done: string[] }
  /** Stop the attempt under way: its time is up. */
  | { do: "stopStep" };

/** One step. */
export type InstanceStep =
  /** Stop and remove its runs, release its leases, and remove the instance. */
  | { do: "retire" }
  /** Take the leases of all its mounts, or none. */
  | { do: "acquire" }
  /** Create and start run number `run`. */
  | { do: "launch"; run: number }
  /** Publish these names for the running run; `then` is the status afterwards. */
  | { do: "publish"; publication: Publication; then: InstanceStatus }
  /** Stop a run that failed its liveness check; with `atOnce`, a run that must not run at all. */
  | { do: "kill"; run: number; atOnce?: true }
  | InitPlanStep
  /** Prepare its first run while the instance it replaces still runs. */
  | { do: "prepare" }
  /** Remove a run, or an attempt at an init step, that was created but not started. */
  | { do: "discard" }
  /** Write this status if it differs, record `event`, and look again after `afterMs`. */
  | {
    do: "settle";
    status: InstanceStatus;
    afterMs?: number;
    event?: { type: "Normal" | "Warning"; reason: string; message: string };
    /** Nothing runs and nothing follows, so release its volumes. */
    releases?: true;
  };
