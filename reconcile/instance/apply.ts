/** Carries out the steps of an instance's plan; each is idempotent. @module */
import type { Runner } from "../../runners/runner.ts";
import { sameValue } from "../../spec/changes.ts";
import { parseDuration } from "../../spec/duration.ts";
import { RuneError, toRuneError } from "../../spec/error.ts";
import type { Instance, InstanceStatus, RunnerName } from "../../spec/instance.ts";
import type { SecretReader } from "../../store/secrets/vault.ts";
import type { Store, Tx } from "../../store/store.ts";
import { recordEvent } from "../events.ts";
import { acquireLease, releaseLeases } from "../leases.ts";
import type { MountTable } from "../mount_table.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { isRunnerOutage, launch, LaunchError } from "./launch.ts";
import { holderOf, type InstanceStep, type InstanceView, launchFailedStatus, pending } from "./plan.ts";

/** What the steps work with. */
export interface InstanceDeps {
  store: Store;
  runners: Map<RunnerName, Runner>;
  mounts: MountTable;
  secrets: SecretReader;
}

interface Call {
  view: InstanceView;
  deps: InstanceDeps;
  runner: Runner;
  signal: AbortSignal;
}

/** How long an instance may take to stop when its service is gone. */
const DEFAULT_STOP_MS = 10_000;

/**
 * Runs one step.
 *
 * @returns an outcome when the pass is over, undefined to plan again.
 */
export async function applyInstance(step: InstanceStep, call: Call): Promise<Outcome | undefined> {
  const { view: { instance }, deps, runner, signal } = call;
  switch (step.do) {
    case "retire":
      return await retire(call);
    case "acquire":
      await acquire(call);
      return undefined;
    case "discard":
      await runner.remove({ instanceUid: instance.uid, run: instance.status.run }, signal);
      return undefined;
    case "launch":
      return await launchRun(step.run, call);
    case "settle":
      if (!await settle(deps.store, { instance, step }) || step.afterMs === 0) return undefined;
      return step.afterMs === undefined ? DONE : { type: "again", afterMs: step.afterMs };
  }
}

/** The instance as the transaction sees it, also after a rename. */
function current(tx: Tx, instance: Instance): Instance | undefined {
  const byName = tx.get("instance", instance.namespace, instance.name);
  if (byName?.uid === instance.uid) return byName;
  return tx.list("instance", instance.namespace).find((i) => i.uid === instance.uid);
}

/** Writes a status that was planned from `instance`; false when that has changed since, and must be planned again. */
async function settle(
  store: Store,
  { instance, step }: { instance: Instance; step: Extract<InstanceStep, { do: "settle" }> },
): Promise<boolean> {
  if (sameValue(instance.status, step.status)) return true;
  return await store.transact((tx) => {
    const now = current(tx, instance);
    if (now && now.resourceVersion !== instance.resourceVersion) return false;
    if (!now) return true;
    tx.update(now, { status: step.status });
    if (step.event) recordEvent(tx, { namespace: now.namespace, object: now, ...step.event });
    return true;
  });
}

async function writeStatus(
  store: Store,
  instance: Instance,
  change: (status: InstanceStatus) => InstanceStatus,
  event?: { type: "Normal" | "Warning"; reason: string; message: string },
): Promise<void> {
  await store.transact((tx) => {
    const now = current(tx, instance);
    if (!now) return;
    tx.update(now, { status: change(now.status) });
    if (event) recordEvent(tx, { namespace: now.namespace, object: now, ...event });
  });
}

/** All leases or none, in one commit, for an instance that is still wanted. */
async function acquire({ view, deps }: Call): Promise<void> {
  await deps.store.transact((tx) => {
    const instance = current(tx, view.instance);
    if (!instance || instance.deletionRequestedAt !== undefined) return;
    for (const { mount, namespace, name } of view.mounts) {
      const heldBy = acquireLease(tx, { namespace, name }, holderOf(instance, { mount, since: tx.now }));
      if (heldBy) {
        throw new RuneError(
          "conflict",
          `volume ${namespace}/${name} was taken by ${heldBy.instance} meanwhile`,
        );
      }
    }
  });
}

async function launchRun(run: number, call: Call): Promise<Outcome | undefined> {
  const { view, deps, runner, signal } = call;
  const { instance, now } = view;
  const service = view.service!;
  try {
    await launch({ ...view, service }, {
      run,
      runner,
      secrets: deps.secrets,
      signal,
      recordIntent: () => recordIntent(run, call),
    });
    if (run > 2) await forgetRun(runner, { instanceUid: instance.uid, run: run - 2 });
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof LaunchError)) throw thrown;
    if (signal.aborted) return DONE;
    const { failure, reason } = thrown;
    if (isRunnerOutage(thrown)) {
      await writeStatus(deps.store, instance, (s) => outage(s, failure));
      return { type: "failed", error: failure };
    }
    const message = failure.hint === undefined ? failure.message : `${failure.message}; ${failure.hint}`;
    const { permanent } = failure;
    await writeStatus(
      deps.store,
      instance,
      (s) => launchFailedStatus(s, { reason, message, permanent, now }),
      { type: "Warning", reason, message },
    );
    return undefined;
  }
}

/** What an instance that is not known to run says while its runner cannot be reached. */
export function outage(status: InstanceStatus, failure: RuneError): InstanceStatus {
  const message = failure.hint === undefined ? failure.message : `${failure.message}; ${failure.hint}`;
  if (status.state === "Running" || status.state === "Unhealthy") return status;
  // The intent stays: after the outage the same run is carried on, so that it can never exist twice.
  if (status.state === "Starting") return { ...status, reason: "RunnerUnavailable", message };
  return pending(status, "RunnerUnavailable", message);
}

/** Commits that run number `run` is about to exist, if the instance still may: it holds every lease and is wanted. */
async function recordIntent(run: number, { view, deps }: Call): Promise<void> {
  await deps.store.transact((tx) => {
    const instance = current(tx, view.instance);
    if (!instance || instance.deletionRequestedAt !== undefined) {
      throw new RuneError("conflict", `instance ${view.instance.name} is being removed`);
    }
    for (const { namespace, name } of view.mounts) {
      const holders = tx.get("lease", namespace, name)?.spec.holders ?? [];
      if (!holders.some((h) => h.instanceUid === instance.uid)) {
        throw new RuneError("conflict", `the lease of volume ${namespace}/${name} was lost`);
      }
    }
    const { reason: _r, message: _m, nextAttemptAt: _n, finishedAt: _f, ...kept } = instance.status;
    tx.update(instance, { status: { ...kept, state: "Starting", ready: false, run } });
  });
}

/** Only what must be kept for `logs --previous` is kept; what cannot be removed now goes with the next sweep. */
async function forgetRun(runner: Runner, ref: { instanceUid: string; run: number }): Promise<void> {
  try {
    await runner.remove(ref, AbortSignal.timeout(10_000));
  } catch (error) {
    if (!(error instanceof RuneError)) throw error;
  }
}

async function retire({ view, deps, runner, signal }: Call): Promise<Outcome> {
  const { instance, service } = view;
  const { run, state } = instance.status;
  if (state !== "Stopping" && run > 0) {
    await writeStatus(deps.store, instance, (s) => ({ ...s, state: "Stopping", ready: false }));
  }
  const timeoutMs = service ? parseDuration(service.spec.stopTimeout) : DEFAULT_STOP_MS;
  try {
    for (const number of [run, run - 1].filter((n) => n > 0)) {
      const ref = { instanceUid: instance.uid, run: number };
      await runner.stop(ref, { timeoutMs, signal });
      await runner.remove(ref, signal);
    }
  } catch (thrown) {
    const error = toRuneError(thrown);
    const reason = error.code === "unavailable" ? "RunnerUnavailable" : "LaunchFailed";
    const message = `it cannot be stopped: ${error.message}`;
    await writeStatus(deps.store, instance, (s) => ({ ...s, reason, message }));
    return { type: "failed", error };
  }
  // Every run is known to be gone: only now may somebody else have its volumes.
  await deps.store.transact((tx) => {
    const now = current(tx, instance);
    if (!now) return;
    releaseLeases(tx, instance.uid);
    tx.remove(now);
  });
  return DONE;
}
