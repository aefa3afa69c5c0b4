/** Plans for an instance whose run is alive. Pure. @module */
import { elapsedMs } from "../../base/clock.ts";
import type { Instance } from "../../model/instance.ts";
import type { RunState } from "../../runners/runner.ts";
import { leftBehindWords } from "./ending.ts";
import { missingNames } from "./names.ts";
import { overInit } from "./status.ts";
import type { InstanceStep, InstanceView } from "./view.ts";

/** A run that lasted this long resets the crash count. */
export const STEADY_MS = 60_000;

/**
 * Plans for a live run: kill it if it is condemned, publish names that fit its readiness, and only then
 * update the status.
 */
export function planRunning(view: InstanceView, run: RunState): InstanceStep {
  const { instance, health } = view;
  const { status } = instance;
  if (status.condemned?.run === run.run) return { do: "kill", run: run.run };
  if (health?.dead !== undefined) return condemn(view, { run, dead: health.dead });
  if (run.leftBehind !== undefined) {
    // The main process has ended; its other processes are being stopped.
    const message = `it ended and ${leftBehindWords(run)}`;
    return {
      do: "settle",
      status: { ...status, state: "Running", ready: false, reason: "InBackground", message },
    };
  }
  // After a daemon start nothing is known yet, so the stored readiness stands.
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

/** Describes what a run that is not ready waits for. */
function notPassed({ instance: { spec }, health }: InstanceView): string {
  const startsUp = spec.template.health?.startup !== undefined && !health?.startedUp;
  return startsUp
    ? "it is starting up, and has not passed its startup check yet"
    : "it runs, and has not passed its check yet";
}

/** The status message of an instance whose run someone else paused. */
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
