/**
 * The schedule controller: takes and removes the snapshots that a volume's policy asks for. One pass is one commit, so that a
 * daemon that dies around it leaves neither two nor none; all that a snapshot needs beyond its row is the snapshot controller's.
 * @module
 */
import type { Driver } from "../../drivers/driver.ts";
import { ANNOTATIONS, FINALIZERS } from "../../spec/marks.ts";
import { snapshotName } from "../../spec/snapshot_name.ts";
import { snapshotPolicyOf } from "../../spec/snapshot_policy.ts";
import { sameValue } from "../../spec/changes.ts";
import type { Volume } from "../../spec/volume.ts";
import type { Reader, Store, Tx } from "../../store/store.ts";
import { recordEvent } from "../events.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { restoredInto } from "../snapshot/writers.ts";
import { numberOf, planSchedule, type SchedulePlan, type ScheduleView } from "./plan.ts";

/** What a pass works with. */
export interface ScheduleDeps {
  store: Store;
  drivers: ReadonlyMap<string, Driver>;
  /** Default: the system's, as the store's own. */
  clock?: () => Date;
}

/** One pass over the volume `<namespace>/<name>`. */
export async function reconcileSchedule(
  key: string,
  { store, drivers, clock = () => new Date() }: ScheduleDeps,
): Promise<Outcome> {
  const [namespace, name] = key.split("/") as [string, string];
  const planFrom = (state: Reader, now: Date) => {
    const view = observeSchedule(state, { namespace, name, drivers, now });
    return view && { view, plan: planSchedule(view) };
  };
  let found = planFrom(store, clock());
  if (found && asksForWrites(found)) {
    found = await store.transact((tx) => {
      const current = planFrom(tx, new Date(tx.now));
      if (current) applySchedule(tx, current);
      return current;
    });
  }
  const afterMs = found?.plan.afterMs;
  return afterMs === undefined ? DONE : { type: "again", afterMs };
}

/** What is true of a volume and the snapshots of its policy now; undefined when it is gone. */
function observeSchedule(
  state: Reader,
  { namespace, name, drivers, now }: {
    namespace: string;
    name: string;
    drivers: ScheduleDeps["drivers"];
    now: Date;
  },
): ScheduleView | undefined {
  const volume = state.get("volume", namespace, name);
  if (!volume) return undefined;
  const { ownerService, driver } = volume.status;
  const policy = snapshotPolicyOf(volume, {
    service: ownerService === undefined ? undefined : state.get("service", namespace, ownerService),
    class: state.get("storageClass", "", volume.spec.storageClassName ?? ""),
  });
  const taken = policy === undefined ? [] : state.list("snapshot", namespace)
    .filter((s) => s.annotations[ANNOTATIONS.scheduledFor] === volume.uid);
  return {
    volume,
    policy,
    taken,
    needed: new Set(taken.filter((s) => restoredInto(state, s)).map((s) => s.uid)),
    capabilities: drivers.get(driver ?? "")?.capabilities,
    now,
  };
}

interface Found {
  view: ScheduleView;
  plan: SchedulePlan;
}

const asksForWrites = ({ view: { volume }, plan: { take, remove, schedule } }: Found) =>
  take || remove.length > 0 || !sameValue(volume.status.snapshots, schedule);

function applySchedule(
  tx: Tx,
  { view: { volume, policy, taken }, plan: { take, remove, schedule } }: Found,
): void {
  const { namespace } = volume;
  for (const snapshot of remove) {
    tx.update(snapshot, { deletionRequestedAt: tx.now });
    if (snapshot.status.state !== "Ready") continue;
    const message = `removes a snapshot beyond the newest ${policy!.keep}, as its snapshot policy says`;
    recordEvent(tx, { namespace, object: volume, type: "Normal", reason: "SnapshotRemoved", message });
  }
  const number = Math.max(0, ...taken.map(numberOf)) + 1;
  const taking = take ? takeSnapshot(tx, { volume, number }) : undefined;
  const { snapshots: _, ...status } = volume.status;
  const next = schedule && taking !== undefined ? { ...schedule, taking } : schedule;
  tx.update(volume, { status: { ...status, ...(next && { snapshots: next }) } });
}

/** Asks for a snapshot, as anybody would, and marks it. @returns its name. */
function takeSnapshot(tx: Tx, { volume, number }: { volume: Volume; number: number }): string {
  const { namespace, uid, labels } = volume;
  let unix = Math.floor(Date.parse(tx.now) / 1000);
  const nameAt = () => snapshotName(volume.name, { infix: "auto", unix });
  // Long names are cut, so that two volumes may come to the same.
  while (tx.get("snapshot", namespace, nameAt())) unix++;
  return tx.create({
    kind: "snapshot",
    namespace,
    name: nameAt(),
    labels,
    annotations: { [ANNOTATIONS.scheduledFor]: uid, [ANNOTATIONS.scheduleNumber]: String(number) },
    finalizers: [FINALIZERS.snapshot],
    spec: { source: { volume: volume.name } },
    status: { state: "Pending", attempts: 0 },
  }).name;
}
