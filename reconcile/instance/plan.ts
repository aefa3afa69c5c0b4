/**
 * What to do next for one instance, decided from what was observed and nothing else (SPEC 3).
 * @module
 */
import type { Publication, RunState } from "../../runners/runner.ts";
import { type Instance, type InstanceStatus, isAlive } from "../../model/instance.ts";
import type { LeaseHolder } from "../../model/lease.ts";
import type { MountedVolume } from "../../node/mount_table.ts";
import type { VolumeMount } from "../../model/mounts.ts";
import { restartsAfter } from "../../model/job.ts";
import { describeKey } from "../../model/resource.ts";
import type { Service, ServiceReason } from "../../model/service.ts";
import type { Volume } from "../../model/volume.ts";
import { dueInMs, MAX_BACKOFF_MS } from "../../base/backoff.ts";
import { elapsedMs, type Moment } from "../../base/clock.ts";
import type { HealthVerdict } from "../../node/probes/tracker.ts";
import { holderWithin, withHolder } from "../leases.ts";
import { awaitsTurn } from "../service/rollout.ts";
import { awaitDependencies, type DependencyView } from "./dependencies.ts";
import { fellWithRunner } from "./looks.ts";
import { missingNames, type SharedRole } from "./names.ts";
import { type InitPlanStep, openProgress, planAttempt, planInit } from "./init_plan.ts";
import { ending, leftBehindWords, wentToBackground } from "./ending.ts";
import { planOver, settleOver } from "./job_plan.ts";
import { drainLeft } from "./route_drain.ts";
import { planTurn } from "./turn.ts";

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
  /** Where it is mounted, while this daemon knows it to be. */
  mounted: MountedVolume | undefined;
  /** The snapshot for which it is being copied, as messages in the namespace of the instance name it: until then nobody may begin to write it. */
  copiedFor?: string;
}

/** All that the plan looks at. */
export interface InstanceView {
  instance: Instance;
  /** Its service; undefined when that is gone. */
  service: Service | undefined;
  mounts: MountView[];
  /** What the runner says of run `status.run`; undefined when there was none. */
  run: RunState | undefined;
  /** Its run is held still, and not by a snapshot of Rune's own. */
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
  /** What ended just now, its main process or an init step, printed nothing: then nobody is sent to its log. */
  silent?: true;
  /** For a next step with `runIf.fileMissing`: whether the file is missing. */
  fileMissing?: boolean | undefined;
  /** Why that cannot be told. */
  stepProblem?: string | undefined;
  /** Configmaps, secrets and keys that it needs and that are not there, in a sentence. */
  missingConfig?: string | undefined;
  now: Moment;
}

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
  /** Remove a run that was made and could not be started. */
  | { do: "discard" }
  /** Write this status when it differs; look again after `afterMs`. Says in `event` what is new. */
  | {
    do: "settle";
    status: InstanceStatus;
    afterMs?: number;
    event?: { type: "Normal" | "Warning"; reason: string; message: string };
    /** Its run is known to have ended, and none follows: others may have its volumes. */
    releases?: true;
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
  const over = planOver(view);
  if (over) return over;
  if (run?.state === "running") return planRunning(view, run);
  const believedAlive = isAlive(status.state);
  if (run && (run.state === "exited" || believedAlive)) {
    if (believedAlive || status.state === "Starting") return settleEnded(view, { run, service });
  }
  const attempt = planAttempt(view);
  if (attempt) return attempt;
  if (fellWithRunner(status, view)) {
    return { do: "settle", status: { ...status, awaitsSince: now.toISOString() }, afterMs: 0 };
  }
  if (status.state === "Stalled") return { do: "settle", status };
  const afterMs = dueInMs(status.nextAttemptAt, now);
  if (afterMs > 0) return { do: "settle", status, afterMs };
  const waiting = awaitDependencies(view);
  if (waiting) return { do: "settle", ...waiting };
  if (awaitsTurn(instance)) return planTurn(view, mountProblem(view));
  if (view.missingConfig !== undefined) {
    return { do: "settle", status: pending(status, "ConfigMissing", view.missingConfig) };
  }
  const blocked = mountProblem(view);
  if (blocked) return { do: "settle", status: blocked };
  if (view.mounts.some((m) => !m.holders.some((h) => h.instanceUid === instance.uid))) {
    return { do: "acquire" };
  }
  const unmounted = view.mounts.find((m) => m.mounted === undefined);
  if (unmounted) {
    const volume = describeKey(unmounted);
    const { failureMessage: failure, failureHint } = unmounted.volume?.status ?? {};
    return {
      do: "settle",
      status: failure === undefined ? underWay(status, `volume ${volume} is being mounted`) : pending(
        status,
        "VolumeNotReady",
        `volume ${volume} cannot be mounted: ${withHint(failure, failureHint)}`,
      ),
    };
  }
  // A daemon that died between its intent and the launch left the run's number behind: that run is carried on.
  const carriedOn = status.state === "Starting" && run !== undefined;
  if (!carriedOn && run?.state === "created") return { do: "discard" };
  const number = carriedOn || openProgress(status) ? status.run : status.run + 1;
  if (view.stepProblem !== undefined) {
    return { do: "settle", status: pending(status, "InitStepFailed", view.stepProblem) };
  }
  return planInit(view, number) ?? { do: "launch", run: number };
}

/** The init steps of a run whose main process was made are over. */
export function overInit({ init }: InstanceStatus): Pick<InstanceStatus, "init"> {
  return init === undefined ? {} : { init: { run: init.run, done: init.done, over: true } };
}

/** Status of an instance that waits for something else to change. */
export function pending(status: InstanceStatus, reason: ServiceReason, message: string): InstanceStatus {
  return { ...status, state: "Pending", ready: false, reason, message };
}

/** Status of an instance whose wait is part of every start: there is nothing to tell but what it waits for. */
export function underWay(status: InstanceStatus, message: string): InstanceStatus {
  const { reason: _, ...kept } = status;
  return { ...kept, state: "Pending", ready: false, message };
}

/** What failed, and what to do about it. */
const withHint = (message: string, hint: string | undefined) =>
  hint === undefined ? message : `${message}; ${hint}`;

/** The status of an instance that cannot have its volumes now, or undefined. */
function mountProblem({ instance, mounts }: InstanceView): InstanceStatus | undefined {
  const { status } = instance;
  const blocked = (message: string) => pending(status, "VolumeNotReady", message);
  for (const { mount, namespace, name, volume, holders, copiedFor } of mounts) {
    const label = describeKey({ namespace, name });
    if (!volume) return blocked(`volume ${label} does not exist; cast it`);
    if (volume.deletionRequestedAt !== undefined) return blocked(`volume ${label} is being deleted`);
    const owner = volume.status.ownerService;
    if (mount.claimTemplate && owner !== undefined && owner !== instance.spec.service) {
      return blocked(`volume ${label} belongs to service ${owner}; rename the mount "${mount.name}"`);
    }
    const { state, failureMessage, failureHint } = volume.status;
    if (volume.status.handle === undefined) {
      return failureMessage === undefined
        ? underWay(status, `volume ${label} is being provisioned`)
        : blocked(`volume ${label} is ${state}: ${withHint(failureMessage, failureHint)}`);
    }
    if (copiedFor !== undefined && !mount.readOnly) {
      return underWay(status, `volume ${label} is being copied for ${copiedFor}`);
    }
    const wanted = holderOf(instance, { mount, since: "" });
    const result = withHolder(holders, wanted);
    if ("heldBy" in result) {
      const { heldBy } = result;
      const how = heldBy.mode === "rw" ? "read-write" : "read-only";
      return blocked(`volume ${label} is mounted ${how} by ${holderWithin(instance.namespace, heldBy)}`);
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

/** A run that lives: killed when it is condemned, named as its readiness says, and only then told of. */
function planRunning(view: InstanceView, run: RunState): InstanceStep {
  const { instance, health } = view;
  const { status } = instance;
  if (status.condemned?.run === run.run) return { do: "kill", run: run.run };
  if (health?.dead !== undefined) return condemn(view, { run, dead: health.dead });
  if (run.leftBehind !== undefined) {
    // It has ended; what it left behind is about to.
    const message = `it ended and ${leftBehindWords(run)}`;
    return {
      do: "settle",
      status: { ...status, state: "Running", ready: false, reason: "InBackground", message },
    };
  }
  // Nothing is known yet: after a start of the daemon, what was known before stands.
  const ready = !view.paused && (health === undefined || (health.ready ?? status.ready));
  const settled = settleRunning(view, { run, ready });
  const publication = missingNames(view, { run, ready });
  return publication ? { do: "publish", publication, then: settled.status } : settled;
}

function condemn(
  { instance: { status, spec } }: InstanceView,
  { run, dead }: { run: RunState; dead: string },
): InstanceStep {
  const slow = status.readyAt === undefined && spec.template.health?.startup === undefined;
  const why = slow ? `${dead}; if it only starts slowly, give it a check health.startup` : dead;
  const message = `${why}; it is being replaced`;
  return {
    do: "settle",
    status: {
      ...status,
      state: "Unhealthy",
      ready: false,
      reason: "Unhealthy",
      message,
      condemned: { run: run.run, message: why },
    },
    afterMs: 0,
    event: { type: "Warning", reason: "Unhealthy", message },
  };
}

/** What a run that is not ready waits for. */
function notPassed({ instance: { spec }, health }: InstanceView): string {
  const startsUp = spec.template.health?.startup !== undefined && !health?.startedUp;
  return startsUp
    ? "it is starting up, and has not passed its startup check yet"
    : "it runs, and has not passed its check yet";
}

/** What an instance is told to be whose run somebody else holds still. */
function pausedWords({ namespace, spec }: Instance): string {
  const goOn = spec.runner === "docker" ? "let it go on with docker unpause" : "let its processes go on";
  return `it is paused by somebody else; ${goOn}, or replace it: rune restart ${spec.service} -n ${namespace}`;
}

function settleRunning(
  view: InstanceView,
  { run, ready }: { run: RunState; ready: boolean },
): Extract<InstanceStep, { do: "settle" }> {
  const { instance: { status }, health, now } = view;
  const startedAt = run.startedAt ?? status.startedAt ?? now.toISOString();
  const steadyInMs = STEADY_MS - elapsedMs(startedAt, now);
  const crashes = steadyInMs <= 0 ? 0 : status.crashes;
  const {
    reason: _r,
    message: _m,
    nextAttemptAt: _n,
    finishedAt: _f,
    ip: _i,
    published: _b,
    pid: _p,
    engineVolumes: _e,
    ...kept
  } = status;
  const readyAt = status.readyAt ?? (ready ? now.toISOString() : undefined);
  const failing = !ready && health?.ready === false;
  const { paused } = view;
  const message = paused ? pausedWords(view.instance) : failing ? health.message! : notPassed(view);
  const reason = paused ? "Paused" as const : failing ? "Unhealthy" as const : undefined;
  return {
    do: "settle",
    status: {
      ...kept,
      ...overInit(status),
      state: paused ? "Paused" : failing && readyAt !== undefined ? "Unhealthy" : "Running",
      ready,
      startedAt,
      crashes,
      launchFailures: 0,
      ...(!ready && { message }),
      ...(reason && { reason }),
      ...(readyAt !== undefined && { readyAt }),
      ...(run.engineVolumes && { engineVolumes: run.engineVolumes }),
      ...(health?.startedUp && { startedUp: run.run }),
      ...(run.handle !== undefined && { handle: run.handle }),
      ...(run.ip !== undefined && { ip: run.ip }),
      ...(run.published && { published: run.published }),
      ...(run.pid !== undefined && { pid: run.pid }),
    },
    ...(crashes > 0 && { afterMs: steadyInMs }),
    ...(reason && status.reason !== reason && { event: { type: "Warning" as const, reason, message } }),
  };
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
  // A program that says it is well after the kernel killed a part of it has not done all that it was to do.
  const clean = run.exitCode === 0 && !run.oomKilled && status.condemned?.run !== status.run;
  if (!restartsAfter(service.spec.restart, { clean })) {
    return settleOver(view, { run, clean, startedAt, finishedAt });
  }
  const condemned = status.condemned?.run === status.run ? status.condemned : undefined;
  const how = condemned ? `it was killed: ${condemned.message}` : ending(run, { runsOn: true });
  const reason: ServiceReason | undefined = condemned
    ? "Unhealthy"
    : run.oomKilled
    ? "OutOfMemory"
    : wentToBackground(run)
    ? "InBackground"
    : crashes >= CRASH_LOOP
    ? "CrashLoop"
    : undefined;
  // The log of a container or process that somebody removed went with it.
  const logs = view.silent || run.state === "absent"
    ? undefined
    : `rune logs ${name} -n ${namespace} --previous`;
  const message = logs !== undefined
    ? `${how}; see: ${logs}`
    : view.silent
    ? `${how}, and printed nothing`
    : how;
  const {
    reason: _r,
    message: _m,
    nextAttemptAt: _n,
    ip: _i,
    published: _b,
    pid: _p,
    readyAt: _a,
    condemned: _c,
    ...kept
  } = status;
  const ended: InstanceStatus = {
    ...kept,
    ...overInit(status),
    ready: false,
    crashes,
    ...(startedAt !== undefined && { startedAt }),
    finishedAt,
    // Nobody saw its end: what it depends on may have ended with it.
    ...(view.firstLook && { awaitsSince: now.toISOString() }),
    ...(run.engineVolumes && { engineVolumes: run.engineVolumes }),
    state: delayMs === 0 ? "Pending" : "Failed",
    message,
    ...(reason && { reason }),
    lastFailure: {
      at: finishedAt,
      reason: reason ?? "LaunchFailed",
      message: how,
      ...(run.exitCode !== undefined && { exitCode: run.exitCode }),
      ...(logs !== undefined && { logs }),
    },
  };
  const nextAttemptAt = new Date(now.getTime() + delayMs).toISOString();
  return {
    do: "settle",
    status: { ...ended, restarts: status.restarts + 1, nextAttemptAt },
    afterMs: delayMs,
    event: endEvent(clean, how),
  };
}

function endEvent(clean: boolean, message: string) {
  return { type: clean ? "Normal" as const : "Warning" as const, reason: "Exited", message };
}

/** Status after a launch that failed before anything ran. */
export function launchFailedStatus(
  status: InstanceStatus,
  failure: {
    reason: ServiceReason;
    message: string;
    permanent: boolean;
    /** It says nothing of what was to be launched, and is tried again for ever. */
    passing?: boolean;
    now: Date;
  },
): InstanceStatus {
  const { reason, message, permanent, passing = false, now } = failure;
  const launchFailures = status.launchFailures + 1;
  const stalled = permanent || (!passing && launchFailures >= MAX_LAUNCH_FAILURES);
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
