/**
 * Removes an instance: stops and removes its runs, and only then releases its volumes. Each step is
 * idempotent.
 * @module
 */
import { toRuneError } from "../../model/error.ts";
import type { Instance } from "../../model/instance.ts";
import type { Node } from "../../node/node.ts";
import type { NodeRunner } from "../../node/node_runner.ts";
import type { RunRef, RunState } from "../../runners/runner.ts";
import { recordEvent } from "../events.ts";
import { keepLastOutput } from "../kept_logs/keep_last.ts";
import { releaseLeases } from "../leases.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { pausedFor, pausedMessage } from "../snapshot/writers.ts";
import { drain } from "./drain.ts";
import { leaveEngineVolumes } from "./image.ts";
import type { Call } from "./pass.ts";
import { stopRun } from "./stop.ts";
import { findCurrent, writeStatus } from "./write_status.ts";

/**
 * How many ended runs of one instance the sweep may have kept; it removes older ones itself.
 */
const KEPT_RUNS = 6;
/** Time limit for removing an instance's leftovers from its node; the sweep does the rest. */
const LEFTOVER_MS = 10_000;
/** Interval between checks of an instance that must stop but is paused for a snapshot. */
const PAUSED_MS = 200;

/** Stops and removes an instance's runs, releases its leases, and removes the instance. */
export async function retire({ view, deps, node, runner, signal }: Call): Promise<Outcome> {
  const { instance, service } = view;
  const { run, state } = instance.status;
  const snapshot = pausedFor(deps.store, instance.uid);
  if (snapshot) {
    await writeStatus(
      deps.store,
      instance,
      (s) => ({ ...s, message: pausedMessage(snapshot, instance.namespace) }),
    );
    return { type: "again", afterMs: PAUSED_MS };
  }
  if (state !== "Stopping" && run > 0) {
    await writeStatus(deps.store, instance, (s) => ({ ...s, state: "Stopping", ready: false }));
  }
  await node.probes.forget(instance.uid, signal);
  let notKept: string | undefined;
  try {
    await drain(view, { store: deps.store, runner, signal });
    const refs = await runsOf(instance, { runner, signal });
    const runs: RunState[] = [];
    for (const ref of refs) {
      runs.push(await stopRun(ref, { instance, service, store: deps.store, runner, signal }));
    }
    // The logs of a deleted service cannot be read, so do not keep them.
    if (service?.uid === instance.spec.serviceUid && service.deletionRequestedAt === undefined) {
      const ranUntilNow = view.run?.state === "running";
      notKept = await keepLastOutput(instance, { kept: deps.keptLogs, runner, runs, ranUntilNow, signal });
    }
    for (const ref of refs) await runner.remove(ref, signal);
  } catch (thrown) {
    const error = toRuneError(thrown);
    const reason = error.code === "unavailable" ? "RunnerUnavailable" : "LaunchFailed";
    const message = `it cannot be stopped: ${error.message}`;
    await writeStatus(deps.store, instance, (s) => ({ ...s, reason, message }));
    return { type: "failed", error };
  }
  await forgetFiles(node, instance);
  await hideSubPaths(node, instance);
  // Every run is known to be gone, so others may use its volumes now.
  await deps.store.transact((tx) => {
    const now = findCurrent(tx, instance);
    if (!now) return;
    leaveEngineVolumes(tx, { instance: now, service: tx.get("service", now.namespace, now.spec.service) });
    releaseLeases(tx, instance.uid);
    tx.remove(now);
    if (notKept === undefined) return;
    const happening = { type: "Warning", reason: "LogNotKept", message: notKept } as const;
    recordEvent(tx, { namespace: now.namespace, object: now, ...happening });
  });
  return DONE;
}

/** Removes an instance's files. The next sweep removes what is left. */
export async function forgetFiles({ files }: Pick<Node, "files">, { uid }: Instance): Promise<void> {
  await files.remove(uid, AbortSignal.timeout(LEFTOVER_MS)).catch(() => {});
}

/** Removes an instance's subPath mounts. The next sweep removes what is left. */
async function hideSubPaths({ volumes }: Pick<Node, "volumes">, { uid, spec }: Instance): Promise<void> {
  if (spec.template.volumes.every(({ subPath }) => subPath === "")) return;
  await volumes.release(uid, AbortSignal.timeout(LEFTOVER_MS)).catch(() => {});
}

/**
 * Every run that an instance may still have: main runs by number, and runs of init steps from the runner.
 * Without restarts there is only the last main run, and perhaps one that failed to start before it.
 */
async function runsOf(
  { uid, spec, status: { run, restarts } }: Instance,
  { runner, signal }: { runner: NodeRunner; signal: AbortSignal },
): Promise<RunRef[]> {
  const count = Math.min(run, restarts > 0 ? KEPT_RUNS + 1 : 2);
  const main = Array.from({ length: count }, (_, i): RunRef => ({ instanceUid: uid, run: run - i }));
  if (spec.template.initSteps.length === 0) return main;
  const steps = (await runner.list(signal)).filter((r) => r.instanceUid === uid && r.step !== undefined);
  return [...steps.map(({ instanceUid, run, step }): RunRef => ({ instanceUid, run, step: step! })), ...main];
}
