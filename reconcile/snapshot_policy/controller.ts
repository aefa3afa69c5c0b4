/**
 * The snapshot policy controller creates and removes snapshots as a volume's policy asks. One pass is one
 * commit, so a crash leaves neither two snapshots nor none. It only writes the rows; the snapshot controller
 * does the rest.
 * @module
 */
import type { Clock, Moment } from "../../base/clock.ts";
import type { NodeDriver } from "../../node/node_driver.ts";
import type { Nodes } from "../../node/node.ts";
import { ANNOTATIONS, FINALIZERS } from "../../model/marks.ts";
import { snapshotName } from "../../model/snapshot_name.ts";
import { snapshotPolicyOf } from "../../model/snapshot_policy_of.ts";
import { sameValue } from "../../model/changes.ts";
import type { Volume } from "../../model/volume.ts";
import type { Reader, Store, Tx } from "../../store/store.ts";
import { recordEvent } from "../events.ts";
import type { Controller } from "../controller.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { findNode } from "../../node/placement.ts";
import { listCopies } from "../snapshot/limits.ts";
import { restoredInto } from "../snapshot/writers.ts";
import { numberOf, planSnapshotPolicy, type SnapshotPolicyPlan, type SnapshotPolicyView } from "./plan.ts";
import { SNAPSHOT_POLICY_WATCHES } from "./watches.ts";

/** The dependencies of a pass. */
export interface SnapshotPolicyDeps {
  store: Store;
  nodes: Nodes;
  clock: Clock;
}

/** One pass over the volume `<namespace>/<name>`. */
export async function reconcileSnapshotPolicy(
  key: string,
  { store, nodes, clock }: SnapshotPolicyDeps,
): Promise<Outcome> {
  const { drivers } = findNode({ nodes });
  const [namespace, name] = key.split("/") as [string, string];
  const planFrom = (state: Reader, now: Moment) => {
    const view = observeSnapshotPolicy(state, { namespace, name, drivers, now });
    return { view, plan: planSnapshotPolicy(view) };
  };
  let found = planFrom(store, clock.now());
  if (asksForWrites(found)) {
    found = await store.transact((tx) => {
      const current = planFrom(tx, clock.now());
      applySnapshotPolicy(tx, current);
      return current;
    });
  }
  const { afterMs } = found.plan;
  return afterMs === undefined ? DONE : { type: "again", afterMs };
}

/** Observes a volume, its policy, and the snapshots taken by policies. */
function observeSnapshotPolicy(
  state: Reader,
  { namespace, name, drivers, now }: {
    namespace: string;
    name: string;
    drivers: ReadonlyMap<string, Pick<NodeDriver, "capabilities">>;
    now: Moment;
  },
): SnapshotPolicyView {
  const volume = state.get("volume", namespace, name);
  const { ownerService, driver } = volume?.status ?? {};
  const taken = state.list("snapshot", namespace)
    .filter((s) => s.spec.source.volume === name && ANNOTATIONS.policyVolume in s.annotations);
  return {
    volume,
    policy: volume && snapshotPolicyOf(volume, {
      service: ownerService === undefined ? undefined : state.get("service", namespace, ownerService),
      class: state.get("storageClass", "", volume.spec.storageClassName ?? ""),
    }),
    taken,
    copies: volume ? listCopies(volume, state) : [],
    isNeeded: (snapshot) => restoredInto(state, snapshot) !== undefined,
    capabilities: drivers.get(driver ?? "")?.capabilities,
    now,
  };
}

interface Found {
  view: SnapshotPolicyView;
  plan: SnapshotPolicyPlan;
}

const asksForWrites = ({ view: { volume }, plan: { take, remove, schedule } }: Found) =>
  take || remove.length > 0 || !sameValue(volume?.status.snapshots, schedule);

function applySnapshotPolicy(tx: Tx, { view: { volume, policy, taken }, plan }: Found): void {
  for (const snapshot of plan.remove) tx.update(snapshot, { deletionRequestedAt: tx.now });
  if (!volume) return;
  if (plan.remove.some((s) => s.status.state === "Ready")) {
    const message = `what is beyond the newest ${policy!.keep} is removed, as its snapshot policy says`;
    const { namespace } = volume;
    recordEvent(tx, { namespace, object: volume, type: "Normal", reason: "SnapshotRemoved", message });
  }
  const number = Math.max(0, ...taken.map(numberOf)) + 1;
  const taking = plan.take ? takeSnapshot(tx, { volume, number }) : undefined;
  const { snapshots: _, ...status } = volume.status;
  const snapshots = plan.schedule && taking !== undefined ? { ...plan.schedule, taking } : plan.schedule;
  tx.update(volume, { status: { ...status, ...(snapshots && { snapshots }) } });
}

/** Creates a snapshot like a user would, and marks it as a policy's. @returns its name. */
function takeSnapshot(tx: Tx, { volume, number }: { volume: Volume; number: number }): string {
  const { namespace, uid, labels } = volume;
  let unix = Math.floor(Date.parse(tx.now) / 1000);
  const nameAt = () => snapshotName(volume.name, { infix: "auto", unix });
  // Long names are cut, so two volumes may get the same snapshot name.
  while (tx.get("snapshot", namespace, nameAt())) unix++;
  return tx.create({
    kind: "snapshot",
    namespace,
    name: nameAt(),
    labels,
    annotations: { [ANNOTATIONS.policyVolume]: uid, [ANNOTATIONS.policyNumber]: String(number) },
    finalizers: [FINALIZERS.snapshot],
    spec: { source: { volume: volume.name } },
    status: { state: "Pending", attempts: 0 },
  }).name;
}

/** See the module comment. */
export const SNAPSHOT_POLICY_CONTROLLER: Controller<SnapshotPolicyDeps> = {
  // The name in metrics.
  name: "schedule",
  kind: "volume",
  concurrency: 4,
  watches: SNAPSHOT_POLICY_WATCHES,
  reconcile: (key, { deps }) => reconcileSnapshotPolicy(key, deps),
};
