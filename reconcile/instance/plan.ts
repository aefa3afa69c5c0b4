/**
 * What to do next for one instance, decided from what was observed and nothing else (SPEC 3).
 * @module
 */
import type { RunState } from "../../runners/runner.ts";
import type { Instance, InstanceStatus } from "../../spec/instance.ts";
import type { LeaseHolder } from "../../spec/lease.ts";
import type { VolumeMount } from "../../spec/mounts.ts";
import { describeKey } from "../../spec/resource.ts";
import type { Service, ServiceReason } from "../../spec/service.ts";
import type { Volume } from "../../spec/volume.ts";
import { dueInMs, MAX_BACKOFF_MS } from "../backoff.ts";
import { withHolder } from "../leases.ts";
import { drainLeft } from "./drain.ts";

/** Launches in a row that may fail before anything ran; then the instance is `Stalled`. */
export const MAX_LAUNCH_FAILURES = 10;
/** A run that lasted this long makes earlier crashes forgotten. */
const STEADY_MS = 60_000;
/** Crashes in a row from which on it is a crash loop. */
const CRASH_LOOP = 3;

/** One mount of the instance and what stands behind it. */
export interface MountView {
  mount: VolumeMount;
  /** The volume's key. */
  namespace: string;
  name: string;
  volume: Volume | undefined;
  holders: LeaseHolder[];
  /** The volume's root on this host, while this daemon knows it to be mounted. */
  path: string | undefined;
}

/** All that the plan looks at. */
export interface InstanceView {
  instance: Instance;
  /** Its service; undefined when that is gone. */
  service: Service | undefined;
  mounts: MountView[];
  /** What the runner says of run `status.run`; undefined when there was none. */
  run: RunState | undefined;
  now: Date;
}

/** One step. */
export type InstanceStep =
  /** Stop and remove its runs, give up its leases, drop it. */
  | { do: "retire" }
  /** Take the leases of all its mounts, or none. */
  | { do: "acquire" }
  /** Make and start run number `run`. */
  | { do: "launch"; run: number }
  /** Remove a run that was made and could not be started. */
  | { do: "discard" }
  /** Write this status when it differs; look again after `afterMs`. Says in `event` what is new. */
  | {
    do: "settle";
    status: InstanceStatus;
    afterMs?: number;
    event?: { type: "Normal" | "Warning"; reason: string; message: string };
  };

/** Decides the next step. */
export function planInstance(view: InstanceView): InstanceStep {
  const { instance, service, run, now } = view;
  const { status } = instance;
  const drainMs = drainLeft(view);
  if (drainMs > 0 && run?.state === "running") return { do: "settle", status, afterMs: drainMs };
  if (instance.deletionRequestedAt !== undefined || service?.uid !== instance.spec.serviceUid) {
    return { do: "retire" };
  }
  if (run?.state === "running") return settleRunning(status, { run, now });
  const believedAlive = status.state === "Running" || status.state === "Unhealthy";
  if (run && (run.state === "exited" || believedAlive)) {
    if (believedAlive || status.state === "Starting") return settleEnded(view, { run, service });
  }
  if (status.state === "Stalled" || status.state === "Stopped") return { do: "settle", status };
  const afterMs = dueInMs(status.nextAttemptAt, now);
  if (afterMs > 0) return { do: "settle", status, afterMs };
  const blocked = mountProblem(view);
  if (blocked) return { do: "settle", status: blocked };
  if (view.mounts.some((m) => !m.holders.some((h) => h.instanceUid === instance.uid))) {
    return { do: "acquire" };
  }
  const unmounted = view.mounts.find((m) => m.path === undefined);
  if (unmounted) {
    const volume = describeKey(unmounted);
    const failure = unmounted.volume?.status.failureMessage;
    return {
      do: "settle",
      status: failure === undefined
        ? underWay(status, `volume ${volume} is being mounted`)
        : pending(status, "VolumeNotReady", `volume ${volume} cannot be mounted: ${failure}`),
    };
  }
  // A daemon that died between its intent and the launch left the run's number behind: that run is carried on.
  if (status.state === "Starting" && run) return { do: "launch", run: status.run };
  if (run?.state === "created") return { do: "discard" };
  return { do: "launch", run: status.run + 1 };
}

/** Status of an instance that waits for something else to change. */
export function pending(status: InstanceStatus, reason: ServiceReason, message: string): InstanceStatus {
  return { ...status, state: "Pending", ready: false, reason, message };
}

/** Status of an instance whose wait is part of every start: there is nothing to tell but what it waits for. */
function underWay(status: InstanceStatus, message: string): InstanceStatus {
  const { reason: _, ...kept } = status;
  return { ...kept, state: "Pending", ready: false, message };
}

/** The status of an instance that cannot have its volumes now, or undefined. */
function mountProblem({ instance, mounts }: InstanceView): InstanceStatus | undefined {
  const { status } = instance;
  const blocked = (message: string) => pending(status, "VolumeNotReady", message);
  for (const { mount, namespace, name, volume, holders } of mounts) {
    const label = describeKey({ namespace, name });
    if (!volume) return blocked(`volume ${label} does not exist; cast it`);
    if (volume.deletionRequestedAt !== undefined) return blocked(`volume ${label} is being deleted`);
    const owner = volume.status.ownerService;
    if (mount.claimTemplate && owner !== undefined && owner !== instance.spec.service) {
      return blocked(`volume ${label} belongs to service ${owner}; rename the mount "${mount.name}"`);
    }
    const { state, failureMessage } = volume.status;
    if (volume.status.handle === undefined) {
      return failureMessage === undefined
        ? underWay(status, `volume ${label} is being provisioned`)
        : blocked(`volume ${label} is ${state}: ${failureMessage}`);
    }
    const wanted = holderOf(instance, { mount, since: "" });
    const result = withHolder(holders, wanted);
    if ("heldBy" in result) {
      const { heldBy } = result;
      const how = heldBy.mode === "rw" ? "read-write" : "read-only";
      return blocked(`volume ${label} is mounted ${how} by ${heldBy.namespace}/${heldBy.instance}`);
    }
  }
  return undefined;
}

/** The lease that a mount needs. */
export function holderOf(instance: Instance, options: { mount: VolumeMount; since: string }): LeaseHolder {
  return {
    instanceUid: instance.uid,
    namespace: instance.namespace,
    instance: instance.name,
    mode: options.mount.readOnly ? "ro" : "rw",
    since: options.since,
  };
}

function settleRunning(status: InstanceStatus, { run, now }: { run: RunState; now: Date }): InstanceStep {
  const startedAt = run.startedAt ?? status.startedAt ?? now.toISOString();
  const steadyInMs = Date.parse(startedAt) + STEADY_MS - now.getTime();
  const crashes = steadyInMs <= 0 ? 0 : status.crashes;
  const { reason: _r, message: _m, nextAttemptAt: _n, finishedAt: _f, ip: _i, pid: _p, ...kept } = status;
  return {
    do: "settle",
    status: {
      ...kept,
      state: "Running",
      ready: true,
      startedAt,
      crashes,
      launchFailures: 0,
      ...(run.handle !== undefined && { handle: run.handle }),
      ...(run.ip !== undefined && { ip: run.ip }),
      ...(run.pid !== undefined && { pid: run.pid }),
    },
    ...(crashes > 0 && { afterMs: steadyInMs }),
  };
}

/** How a run ended, in words. */
function ending(run: RunState): string {
  if (run.state === "absent") return "its container or process was removed";
  if (run.oomKilled) return "it was killed for using more memory than its limit";
  if (run.exitCode === undefined) return "it ended, and its exit code is not known";
  const signal = run.exitCode > 128 ? ` (signal ${run.exitCode - 128})` : "";
  return `it exited with code ${run.exitCode}${signal}`;
}

function settleEnded(
  view: InstanceView,
  { run, service }: { run: RunState; service: Service },
): InstanceStep {
  const { instance: { status, name, namespace }, now } = view;
  const finishedAt = run.finishedAt ?? now.toISOString();
  const startedAt = run.startedAt ?? status.startedAt;
  const ranMs = startedAt === undefined ? 0 : Date.parse(finishedAt) - Date.parse(startedAt);
  const crashes = (ranMs >= STEADY_MS ? 0 : status.crashes) + 1;
  const delayMs = crashes === 1 ? 0 : Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (crashes - 2));
  const clean = run.exitCode === 0;
  const policy = service.spec.restart;
  const restarts = policy === "always" || (policy === "on-failure" && !clean);
  const reason: ServiceReason | undefined = run.oomKilled
    ? "OutOfMemory"
    : crashes >= CRASH_LOOP
    ? "CrashLoop"
    : undefined;
  const message = `${ending(run)}; see: rune logs ${name} -n ${namespace} --previous`;
  const { reason: _r, message: _m, nextAttemptAt: _n, ip: _i, pid: _p, ...kept } = status;
  const ended: InstanceStatus = {
    ...kept,
    ready: false,
    crashes,
    finishedAt,
    state: !restarts ? "Stopped" : delayMs === 0 ? "Pending" : "Failed",
    ...(clean && !restarts ? {} : { message }),
    ...(reason && { reason }),
    lastFailure: {
      at: finishedAt,
      reason: reason ?? "LaunchFailed",
      message: ending(run),
      ...(run.exitCode !== undefined && { exitCode: run.exitCode }),
    },
  };
  if (!restarts) return { do: "settle", status: ended, event: endEvent(clean, ending(run)) };
  const nextAttemptAt = new Date(now.getTime() + delayMs).toISOString();
  return {
    do: "settle",
    status: { ...ended, restarts: status.restarts + 1, nextAttemptAt },
    afterMs: delayMs,
    event: endEvent(clean, ending(run)),
  };
}

function endEvent(clean: boolean, message: string) {
  return { type: clean ? "Normal" as const : "Warning" as const, reason: "Exited", message };
}

/** Status after a launch that failed before anything ran. */
export function launchFailedStatus(
  status: InstanceStatus,
  failure: { reason: ServiceReason; message: string; permanent: boolean; now: Date },
): InstanceStatus {
  const { reason, message, permanent, now } = failure;
  const launchFailures = status.launchFailures + 1;
  const stalled = permanent || launchFailures >= MAX_LAUNCH_FAILURES;
  const delayMs = Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (launchFailures - 1));
  const { nextAttemptAt: _, ...kept } = status;
  return {
    ...kept,
    state: stalled ? "Stalled" : "Failed",
    ready: false,
    reason,
    message,
    launchFailures,
    lastFailure: { at: now.toISOString(), reason, message },
    ...(!stalled && { nextAttemptAt: new Date(now.getTime() + delayMs).toISOString() }),
  };
}
