/** The instance controller: one pass is observe, plan, apply, until the plan has settled. @module */
import { volumeKeyOf } from "../../model/claim_names.ts";
import type { NodeRunner } from "../../node/node_runner.ts";
import type { Publication, RunState } from "../../runners/runner.ts";
import { toRuneError } from "../../model/error.ts";
import { type Instance, isAlive, mountsOf } from "../../model/instance.ts";
import type { Store } from "../../store/store.ts";
import { describeWithin } from "../../model/kinds.ts";
import type { Node } from "../../node/node.ts";
import { findNode } from "../../node/placement.ts";
import { awaitsTurn } from "../service/rollout.ts";
import { copiedFor, pausedFor } from "../snapshot/writers.ts";
import type { Controller, Pass } from "../controller.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { applyInstance, describeOutage } from "./apply.ts";
import { observeDependencies } from "./dependencies.ts";
import { sharedRole } from "./names.ts";
import { missingData } from "../config/data.ts";
import { observeInit } from "./init_observe.ts";
import { observeSilence } from "./silence.ts";
import { planInstance } from "./plan.ts";
import { INSTANCE_INTERRUPTS, INSTANCE_WATCHES } from "./watches.ts";
import type { InstanceDeps } from "./pass.ts";
import type { InstanceView, MountView } from "./view.ts";

/** Most steps in one pass; more would mean that the plan does not converge. */
const MAX_STEPS = 10;

/**
 * A pass that takes longer waits for something slow, usually for the instance to stop. It must not block
 * other instances.
 */
const STOPPING_MS = 15_000;

/** The dependencies of a pass. */
export interface InstancePassDeps extends InstanceDeps {
  /** Finds an instance by uid. Keys are uids, because a successor takes its predecessor's name. */
  findInstance(uid: string): Instance | undefined;
}

function observeMounts(instance: Instance, { store, mounts }: InstanceDeps): MountView[] {
  const siblings = awaitsTurn(instance) ? siblingsOf(instance, store) : new Set<string>();
  return mountsOf(instance).flatMap((mount, i) => {
    const key = volumeKeyOf(mount, instance);
    const volume = store.get("volume", key.namespace, key.name);
    // A missing volume of the image is created again before the next run.
    if (!volume && i >= instance.spec.template.volumes.length) return [];
    const snapshot = copiedFor(store, key);
    return [{
      mount,
      ...(snapshot && { copiedFor: describeWithin(instance.namespace, snapshot) }),
      ...key,
      volume,
      holders: (store.get("lease", key.namespace, key.name)?.spec.holders ?? [])
        .filter((holder) => !siblings.has(holder.instanceUid)),
      mounted: volume && mounts.get(volume.uid),
    }];
  });
}

/**
 * Uids of the instances of the same service. They release their leases before an instance that awaits its
 * turn needs them.
 */
function siblingsOf({ namespace, spec }: Instance, store: Store): Set<string> {
  const all = store.list("instance", namespace).filter((i) => i.spec.serviceUid === spec.serviceUid);
  return new Set(all.map(({ uid }) => uid));
}

async function observeInstance(
  instance: Instance,
  { deps, node, runner, signal, seen, firstLook }: {
    firstLook: boolean;
    deps: InstanceDeps;
    node: Node;
    runner: NodeRunner;
    signal: AbortSignal;
    /** The state from earlier in this pass, if no step changed the run since. */
    seen?: RunState;
  },
): Promise<InstanceView> {
  const { run } = instance.status;
  const heldBefore = pausedFor(deps.store, instance.uid) !== undefined;
  const state = run === 0
    ? undefined
    : seen?.run === run && !seen.paused
    ? seen
    : await runner.inspect({ instanceUid: instance.uid, run }, signal);
  // The stored state is believed once it matches an observation.
  if (state?.state === "running" || !isAlive(instance.status.state)) deps.looks.addLook(instance.uid);
  const service = deps.store.get("service", instance.namespace, instance.spec.service);
  const leaving = instance.deletionRequestedAt !== undefined;
  const probed = state?.state === "running" && !leaving;
  if (!probed) await node.probes.forget(instance.uid, signal);
  const health = probed ? await node.probes.watch(instance, { run: state, signal }) : undefined;
  const mounts = observeMounts(instance, deps);
  const init = await observeInit(instance, { run: state, mounts, node, runner, signal });
  return {
    instance,
    service,
    mounts,
    run: state,
    // A snapshot may have paused the run when it was observed, and resumed it since.
    ...(state?.paused && !heldBefore && !pausedFor(deps.store, instance.uid) && { paused: true }),
    ...(health && { health }),
    ...(state?.state !== "running" && service &&
      { dependencies: observeDependencies(service, { ...deps, bootId: node.bootId }) }),
    bootId: node.bootId,
    firstLook,
    ...(service && { shared: sharedRole(service, deps.store) }),
    ...init,
    ...await observeSilence(instance, { run: state, stepRun: init.stepRun, runner, signal }),
    missingConfig: missingData(deps.store, instance.spec.template, instance.namespace),
    now: deps.clock.now(),
  };
}

/** One pass over the instance with this uid. */
export async function reconcileInstance(
  uid: string,
  { deps, signal }: Pass<InstancePassDeps>,
): Promise<Outcome> {
  let seen: RunState | undefined;
  let published: Publication | undefined;
  const unseenRun = deps.looks.has(uid) ? undefined : deps.findInstance(uid)?.status.run;
  for (let i = 0; i < MAX_STEPS; i++) {
    const instance = deps.findInstance(uid);
    const node = findNode(deps);
    if (!instance) {
      await forget(uid, { deps, node, signal });
      return DONE;
    }
    const runner = node.runners.get(instance.spec.runner)!;
    let view: InstanceView;
    try {
      const firstLook = instance.status.run === unseenRun;
      view = await observeInstance(instance, { deps, node, runner, signal, seen, firstLook });
    } catch (thrown) {
      const error = toRuneError(thrown);
      if (error.code === "unavailable") {
        deps.looks.forget(uid);
        await writeOutage(deps.store, { instance, error });
      }
      return { type: "failed", error };
    }
    const step = planInstance(view);
    let outcome: Outcome | undefined;
    try {
      outcome = await applyInstance(step, { view, deps, node, runner, published, signal });
    } catch (thrown) {
      // The Engine went away during the step, so earlier observations may be outdated.
      if (toRuneError(thrown).code === "unavailable") deps.looks.forget(uid);
      throw thrown;
    }
    if (outcome) return outcome;
    if (step.do === "publish") published = step.publication;
    seen = step.do === "settle" || step.do === "acquire" ? view.run : undefined;
  }
  return { type: "again", afterMs: 100 };
}

/** Drops the in-memory state of an instance that is gone. */
async function forget(
  uid: string,
  { deps: { looks, unstored }, node, signal }: { deps: InstanceDeps; node: Node; signal: AbortSignal },
): Promise<void> {
  await node.probes.forget(uid, signal);
  looks.forget(uid);
  unstored?.forget(uid);
}

/** Writes to the instance that its runner is unreachable. A running instance keeps its last known state. */
async function writeOutage(
  store: Store,
  { instance, error }: { instance: Instance; error: ReturnType<typeof toRuneError> },
): Promise<void> {
  await store.transact((tx) => {
    const now = tx.get("instance", instance.namespace, instance.name);
    if (now?.uid === instance.uid) tx.update(now, { status: describeOutage(now.status, error) });
  });
}

/** See the module comment. */
export const INSTANCE_CONTROLLER: Controller<InstancePassDeps> = {
  name: "instance",
  kind: "instance",
  concurrency: 32,
  placeMs: STOPPING_MS,
  watches: INSTANCE_WATCHES,
  interrupts: INSTANCE_INTERRUPTS,
  reconcile: reconcileInstance,
};
