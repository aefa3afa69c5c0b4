/** Carries out the steps of an instance's plan; each is idempotent. @module */
import type { NodeRunner } from "../../node/node_runner.ts";
import { RuneError } from "../../model/error.ts";
import { type InitProgress, stepKey } from "../../model/init_step.ts";
import { type ConfigVersions, type Instance, type InstanceStatus, isAlive } from "../../model/instance.ts";
import type { Store, Tx } from "../../store/store.ts";
import { recordEvent } from "../events.ts";
import { configVersions } from "../config/versions.ts";
import { acquireLease, holderWithin } from "../leases.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { copiedFor } from "../snapshot/writers.ts";
import { bringImage, type ImageCall, prepareImage } from "./image.ts";
import { type Attempt, isRegistryAway, isRunnerOutage, launch, LaunchError, phaseOfImage } from "./launch.ts";
import { prepare } from "./prepare.ts";
import { forgetFiles, retire } from "./retire.ts";
import { explainEnd } from "./last_words.ts";
import { settleKnown } from "./settle_status.ts";
import { pullProgress } from "./pull_progress.ts";
import { kill, publish } from "./run_steps.ts";
import { stopRun } from "./stop.ts";
import { cannotReplace, preparedStatus } from "./turn.ts";
import { whileWanted } from "./while_wanted.ts";
import { findCurrent, writeStatus } from "./write_status.ts";
import { holderOf } from "./mount_problem.ts";
import type { Call } from "./pass.ts";
import { launchFailedStatus, toPending } from "./status.ts";
import type { InstanceStep, InstanceView } from "./view.ts";

/**
 * Runs one step.
 *
 * @returns an outcome if the pass is over, or undefined to plan again.
 */
export async function applyInstance(step: InstanceStep, call: Call): Promise<Outcome | undefined> {
  const { view, deps, node, runner, signal } = call;
  const { instance } = view;
  switch (step.do) {
    case "retire":
      return await retire(call);
    case "acquire":
      await acquire(call);
      return undefined;
    case "publish":
      return await publish(step, call);
    case "kill":
      return await kill(step, call);
    case "discard":
      for (const run of [view.run, view.stepRun]) {
        if (run?.state === "created") await runner.remove(run, signal);
      }
      return undefined;
    case "launch":
      return await launchRun({ run: step.run }, call);
    case "runStep":
      return await launchRun(step, call);
    case "prepare":
      return await prepareRun(call);
    case "skipStep":
      await recordIntent({ run: step.run, init: { run: step.run, done: step.done } }, call);
      return undefined;
    case "stopStep":
      return await stopStep(call);
    case "settle":
      // A run that has ended no longer reads its files.
      if (step.releases || step.event?.reason === "Exited") await forgetFiles(node, instance);
      if (!await settleKnown(deps, { instance, step: await explainEnd(step, call) }) || step.afterMs === 0) {
        return undefined;
      }
      return step.afterMs === undefined ? DONE : { type: "again", afterMs: step.afterMs };
  }
}

/** Takes all leases or none, in one transaction, unless the instance is being deleted. */
async function acquire({ view, deps }: Call): Promise<void> {
  await deps.store.transact((tx) => {
    const instance = findCurrent(tx, view.instance);
    if (!instance || instance.deletionRequestedAt !== undefined) return;
    for (const { mount, namespace, name } of view.mounts) {
      const heldBy = acquireLease(tx, { namespace, name }, holderOf(instance, { mount, since: tx.now }));
      if (heldBy) {
        throw new RuneError(
          "conflict",
          `volume ${namespace}/${name} was taken by ${holderWithin(instance.namespace, heldBy)} meanwhile`,
        );
      }
    }
  });
}

/** The launch of a run's main process, or of an attempt at an init step. */
interface Wanted extends Partial<Attempt> {
  run: number;
  /** The steps already done. */
  done?: string[];
}

async function launchRun(
  { run, step, attempt = 1, done = [] }: Wanted,
  call: Call,
): Promise<Outcome | undefined> {
  const { view, deps, node, runner, signal } = call;
  const { instance } = view;
  const service = view.service!;
  const init = step && { run, done, step: step.name, attempt };
  // Take the versions before any value is read, so that a change in between counts as one.
  const versions = configVersions(deps.store, instance.spec.template, instance.namespace);
  const progress = pullProgress(deps.store, instance);
  // A pull may take long, and must end when the instance is being deleted.
  using wanted = whileWanted(instance, { store: deps.store, signal });
  const image: ImageCall = {
    instance,
    service,
    run,
    store: deps.store,
    runner,
    signal: wanted.signal,
    onProgress: progress.update,
  };
  try {
    const prepared = await phaseOfImage(() => prepareImage(image));
    // The image may have changed the instance's mounts, so plan again.
    if (prepared) {
      await progress.end();
      return undefined;
    }
    await launch({ ...view, service }, {
      run,
      ...(step && { attempt: { step, attempt } }),
      runner,
      node,
      readData: deps.readData,
      secrets: deps.secrets,
      onReplaced: deps.remount,
      signal,
      recordIntent: async () => {
        await progress.end();
        await recordIntent({ run, init, versions }, call);
      },
      onSkipped: (skipped) => recordSkipped(deps.store, { instance, skipped }),
      bringImage: (name) => bringImage(image, name),
    });
    if (step && attempt > 2) {
      await forgetStep(runner, { instance, run, step: stepKey(step.name, attempt - 2) });
    }
    return undefined;
  } catch (thrown) {
    await progress.end();
    return await launchFailed(thrown, { ...call, signal: wanted.signal }, {
      ...(step && { inStep: step }),
      makeMessage: (text) => step ? `init step ${step.name}: ${text}` : text,
    });
  }
}

/** Writes why a launch or its preparation failed. */
async function launchFailed(
  thrown: unknown,
  { view: { instance, now }, deps, signal }: Call,
  { inStep, makeMessage }: { inStep?: Attempt["step"]; makeMessage: (text: string) => string },
): Promise<Outcome | undefined> {
  if (!(thrown instanceof LaunchError)) throw thrown;
  if (signal.aborted) return DONE;
  const { failure } = thrown;
  const reason = inStep && thrown.reason === "LaunchFailed" ? "InitStepFailed" : thrown.reason;
  if (isRunnerOutage(thrown)) {
    await writeStatus(deps.store, instance, (s) => describeOutage(s, failure));
    return { type: "failed", error: failure };
  }
  const message = makeMessage(
    failure.hint === undefined ? failure.message : `${failure.message}; ${failure.hint}`,
  );
  const permanent = failure.permanent || (reason === "InitStepFailed" && inStep?.restartPolicy === "Never");
  await writeStatus(
    deps.store,
    instance,
    (s) => launchFailedStatus(s, { reason, message, permanent, passing: isRegistryAway(thrown), now }),
    { type: "Warning", reason, message },
  );
  return undefined;
}

/** Prepares an instance that awaits its turn. Stops early when the instance is being deleted. */
async function prepareRun(call: Call): Promise<Outcome | undefined> {
  const { view, deps, runner } = call;
  const { instance } = view;
  const progress = pullProgress(deps.store, instance);
  using wanted = whileWanted(instance, { store: deps.store, signal: call.signal });
  const service = view.service!;
  const { signal } = wanted;
  try {
    const image = {
      instance,
      service,
      run: 1,
      store: deps.store,
      runner,
      signal,
      onProgress: progress.update,
    };
    if (await phaseOfImage(() => prepareImage(image))) {
      await progress.end();
      return undefined;
    }
    await prepare({ ...view, service }, {
      runner,
      readData: deps.readData,
      secrets: deps.secrets,
      signal,
      onProgress: progress.update,
    });
    await progress.end();
    await writeStatus(deps.store, instance, (s) => preparedStatus(s, deps.clock.now()));
    return undefined;
  } catch (thrown) {
    await progress.end();
    const makeMessage = (text: string) => cannotReplace(instance, text);
    return await launchFailed(thrown, { ...call, signal }, { makeMessage });
  }
}

/** The status of an instance while its runner is unreachable. */
export function describeOutage(status: InstanceStatus, failure: RuneError): InstanceStatus {
  const message = failure.hint === undefined ? failure.message : `${failure.message}; ${failure.hint}`;
  // A running instance keeps its last known state.
  if (isAlive(status.state)) return { ...status, message };
  // Keep the intent: after the outage the same run continues, so it can never exist twice.
  if (status.state === "Starting" || status.state === "Stopping") {
    return { ...status, reason: "RunnerUnavailable", message };
  }
  return toPending(status, "RunnerUnavailable", message);
}

/**
 * Commits the intent to create run number `run`, if the instance still holds every lease and is not being
 * deleted.
 *
 * @param init the attempt at an init step that is created instead. Without it, the volumes are no longer
 * fresh.
 */
async function recordIntent(
  { run, init, versions = {} }: { run: number; init?: InitProgress | undefined; versions?: ConfigVersions },
  { view, deps, node }: Call,
): Promise<void> {
  await deps.store.transact((tx) => {
    const instance = findCurrent(tx, view.instance);
    if (!instance || instance.deletionRequestedAt !== undefined) {
      throw new RuneError("conflict", `instance ${view.instance.name} is being removed`);
    }
    for (const { namespace, name, mount } of view.mounts) {
      if (!mount.readOnly && copiedFor(tx, { namespace, name })) {
        throw new RuneError("conflict", `volume ${namespace}/${name} is being copied for a snapshot`);
      }
      const holders = tx.get("lease", namespace, name)?.spec.holders ?? [];
      if (!holders.some((h) => h.instanceUid === instance.uid)) {
        throw new RuneError("conflict", `the lease of volume ${namespace}/${name} was lost`);
      }
    }
    const {
      reason: _r,
      message: _m,
      nextAttemptAt: _n,
      finishedAt: _f,
      readyAt: _a,
      condemned: _c,
      awaitsSince: _s,
      ...kept
    } = instance.status;
    const message = init?.step === undefined ? {} : { message: `init step ${init.step} is starting` };
    const { configVersions: _v, ...others } = kept;
    const status = {
      ...others,
      ...(Object.keys(versions).length > 0 && { configVersions: versions }),
      ...(init && { init }),
      ...message,
      state: "Starting",
      ready: false,
      run,
      boot: node.bootId,
    } as const;
    tx.update(instance, { status });
    if (!init) markInitialized(tx, view);
  });
}

/** Marks volumes that the main process may write to as no longer fresh (`runIf: freshVolume`). */
function markInitialized(tx: Tx, { mounts }: InstanceView): void {
  for (const { mount, namespace, name } of mounts) {
    const volume = tx.get("volume", namespace, name);
    if (mount.readOnly || !volume || volume.status.initializedAt !== undefined) continue;
    tx.update(volume, { status: { ...volume.status, initializedAt: tx.now } });
  }
}

/**
 * Stops an attempt whose time is up. The timeout is recorded first, so that exit code 0 during the stop does
 * not count as success.
 */
async function stopStep({ view: { instance, service }, deps, runner, signal }: Call): Promise<undefined> {
  const { init } = instance.status;
  if (!init?.step) return;
  await writeStatus(deps.store, instance, (s) => ({ ...s, init: { ...init, timedOut: true } }));
  const step = stepKey(init.step, init.attempt ?? 1);
  const ref = { instanceUid: instance.uid, run: init.run, step };
  await stopRun(ref, { instance, service, store: deps.store, runner, signal });
}

/** Removes an old attempt. If that fails, the next sweep removes it. */
async function forgetStep(
  runner: NodeRunner,
  { instance, run, step }: { instance: Instance; run: number; step: string },
): Promise<void> {
  try {
    await runner.remove({ instanceUid: instance.uid, run, step }, AbortSignal.timeout(10_000));
  } catch (error) {
    if (!(error instanceof RuneError)) throw error;
  }
}

async function recordSkipped(
  store: Store,
  { instance, skipped }: { instance: Instance; skipped: string[] },
): Promise<void> {
  await store.transact((tx) => {
    const now = findCurrent(tx, instance);
    if (!now) return;
    for (const message of skipped) {
      const happening = { type: "Warning", reason: "ConfigKeysSkipped", message } as const;
      recordEvent(tx, { namespace: now.namespace, object: now, ...happening });
    }
  });
}
