/**
 * Plans what happens when an instance ends and must not restart: its end is reported, and its volumes are
 * released. Pure.
 * @module
 */
import type { RunState } from "../../runners/runner.ts";
import type { InstanceStatus } from "../../model/instance.ts";
import { hasCompleted, restartsAfter } from "../../model/job.ts";
import type { ServiceReason } from "../../model/service.ts";
import { describeEnding, leftBehindWords, wentToBackground } from "./ending.ts";
import { overInit } from "./status.ts";
import type { InstanceStep, InstanceView } from "./view.ts";

/**
 * Plans for an instance that ended for good; undefined if it has not, or if its service's current spec
 * restarts it.
 */
export function planOver({ instance, service, run, mounts }: InstanceView): InstanceStep | undefined {
  const { status, uid } = instance;
  if (status.state !== "Completed" && status.state !== "Stopped") return undefined;
  // Someone started it again by hand, but it no longer holds its volumes.
  if (run?.state === "running") return { do: "kill", run: run.run, atOnce: true };
  if (restartsAfter(service!.spec.restart, { clean: hasCompleted(instance) })) return undefined;
  if (status.state === "Stopped" && hasCompleted(instance)) {
    return { do: "settle", status: toCompleted(status), releases: true };
  }
  const holds = mounts.some(({ holders }) => holders.some((h) => h.instanceUid === uid));
  return { do: "settle", status, ...(holds && { releases: true as const }) };
}

function toCompleted(status: InstanceStatus): InstanceStatus {
  const { reason: _r, message: _m, lastFailure: _l, ...kept } = status;
  return { ...kept, state: "Completed", ready: false, crashes: 0 };
}

/** Records the end of the last run. */
export function settleOver(
  { instance: { status, name, namespace }, silent }: InstanceView,
  { run, clean, startedAt, finishedAt }: {
    run: RunState;
    clean: boolean;
    startedAt: string | undefined;
    finishedAt: string;
  },
): InstanceStep {
  const { nextAttemptAt: _n, ip: _i, pid: _p, readyAt: _a, condemned: wasCondemned, ...kept } = status;
  const times = { ...(startedAt !== undefined && { startedAt }), finishedAt };
  const ended = { ...kept, ...overInit(status), ...times };
  if (clean && wentToBackground(run)) {
    const message = `it exited with code 0, but ${leftBehindWords(run)}`;
    return {
      do: "settle",
      status: { ...toCompleted(ended), message },
      releases: true,
      event: { type: "Warning", reason: "InBackground", message },
    };
  }
  if (clean) {
    return {
      do: "settle",
      status: toCompleted(ended),
      releases: true,
      event: { type: "Normal", reason: "Completed", message: "it ended well: it exited with code 0" },
    };
  }
  const condemned = wasCondemned?.run === status.run ? wasCondemned : undefined;
  const how = condemned ? `it was killed: ${condemned.message}` : describeEnding(run);
  const reason: ServiceReason = condemned ? "Unhealthy" : run.oomKilled ? "OutOfMemory" : "JobFailed";
  const { exitCode } = run;
  const logs = silent || run.state === "absent" ? undefined : `rune logs ${name} -n ${namespace}`;
  const output = logs !== undefined ? `; its output: ${logs}` : silent ? "; it printed nothing" : "";
  return {
    do: "settle",
    status: {
      ...ended,
      state: "Stopped",
      ready: false,
      crashes: status.crashes + 1,
      reason,
      message: `${how}, and is not started again${output}`,
      lastFailure: {
        at: finishedAt,
        reason,
        message: how,
        ...(exitCode !== undefined && { exitCode }),
        ...(logs !== undefined && { logs }),
      },
    },
    releases: true,
    event: { type: "Warning", reason: "Exited", message: how },
  };
}
