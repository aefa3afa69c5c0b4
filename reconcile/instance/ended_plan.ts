/** Plans what happens to an instance after its run has ended. Pure. @module */
import { MAX_BACKOFF_MS } from "../../base/backoff.ts";
import type { InstanceStatus } from "../../model/instance.ts";
import { restartsAfter } from "../../model/job.ts";
import type { Service, ServiceReason } from "../../model/service.ts";
import type { RunState } from "../../runners/runner.ts";
import { describeEnding, wentToBackground } from "./ending.ts";
import { settleOver } from "./job_plan.ts";
import { STEADY_MS } from "./running_plan.ts";
import { overInit } from "./status.ts";
import type { InstanceStep, InstanceView } from "./view.ts";

/** This many crashes in a row count as a crash loop. */
const CRASH_LOOP = 3;

/** Records the end of a run: its crash count, and when the next run begins. */
export function settleEnded(
  view: InstanceView,
  { run, service }: { run: RunState; service: Service },
): InstanceStep {
  const { instance: { status, name, namespace }, now } = view;
  const finishedAt = run.finishedAt ?? now.toISOString();
  const startedAt = run.startedAt ?? status.startedAt;
  const ranMs = startedAt === undefined ? 0 : Date.parse(finishedAt) - Date.parse(startedAt);
  const crashes = (ranMs >= STEADY_MS ? 0 : status.crashes) + 1;
  const delayMs = crashes === 1 ? 0 : Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (crashes - 2));
  // If the kernel killed a part of the program, exit code 0 does not mean that its work is done.
  const clean = run.exitCode === 0 && !run.oomKilled && status.condemned?.run !== status.run;
  if (!restartsAfter(service.spec.restart, { clean })) {
    return settleOver(view, { run, clean, startedAt, finishedAt });
  }
  const condemned = status.condemned?.run === status.run ? status.condemned : undefined;
  const how = condemned ? `it was killed: ${condemned.message}` : describeEnding(run, { runsOn: true });
  const reason: ServiceReason | undefined = condemned
    ? "Unhealthy"
    : run.oomKilled
    ? "OutOfMemory"
    : wentToBackground(run)
    ? "InBackground"
    : crashes >= CRASH_LOOP
    ? "CrashLoop"
    : undefined;
  // A container or process that someone removed has no log left.
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
    // Nobody observed the end, so its dependencies may have ended too.
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
