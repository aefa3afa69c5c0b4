/** The snapshot controller: one pass is observe, plan, apply, until the plan has settled. @module */
import type { Controller } from "../controller.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { findNode } from "../../node/placement.ts";
import { applySnapshot, type SnapshotDeps } from "./apply.ts";
import { listCopies } from "./limits.ts";
import { planSnapshot, type SnapshotView } from "./plan.ts";
import { SNAPSHOT_INTERRUPTS, SNAPSHOT_WATCHES } from "./watches.ts";

/** Most steps in one pass; more would mean that the plan does not converge. */
const MAX_STEPS = 8;

/** Observes the current state of a snapshot; undefined if it is gone. */
function observeSnapshot(
  { namespace, name }: { namespace: string; name: string },
  { store, nodes, clock }: SnapshotDeps,
): SnapshotView | undefined {
  const snapshot = store.get("snapshot", namespace, name);
  if (!snapshot) return undefined;
  const volume = store.get("volume", namespace, snapshot.spec.source.volume);
  const capabilities = findNode({ nodes }).drivers.get(volume?.status.driver ?? "")?.capabilities;
  const copies = volume ? listCopies(volume, store) : [];
  return { snapshot, volume, capabilities, copies, now: clock.now() };
}

/** One pass over the snapshot `<namespace>/<name>`. */
export async function reconcileSnapshot(
  key: string,
  { deps, signal }: { deps: SnapshotDeps; signal: AbortSignal },
): Promise<Outcome> {
  const [namespace, name] = key.split("/") as [string, string];
  for (let i = 0; i < MAX_STEPS; i++) {
    const view = observeSnapshot({ namespace, name }, deps);
    if (!view) return DONE;
    const outcome = await applySnapshot(planSnapshot(view), { view, deps, node: findNode(deps), signal });
    if (outcome) return outcome;
  }
  return { type: "again", afterMs: 100 };
}

/** See the module comment. */
export const SNAPSHOT_CONTROLLER: Controller<SnapshotDeps> = {
  name: "snapshot",
  kind: "snapshot",
  concurrency: 4,
  watches: SNAPSHOT_WATCHES,
  interrupts: SNAPSHOT_INTERRUPTS,
  reconcile: reconcileSnapshot,
};
