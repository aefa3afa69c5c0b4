/** Writes an instance's status, either as planned or as a change of its current status. @module */
import { sameValue } from "../../model/changes.ts";
import type { Instance, InstanceStatus } from "../../model/instance.ts";
import type { Store, Tx } from "../../store/store.ts";
import { recordEvent } from "../events.ts";
import { releaseLeases } from "../leases.ts";
import type { InstanceStep } from "./view.ts";

/** The instance in the transaction, also after a rename. */
export function findCurrent(tx: Tx, instance: Instance): Instance | undefined {
  const byName = tx.get("instance", instance.namespace, instance.name);
  if (byName?.uid === instance.uid) return byName;
  return tx.list("instance", instance.namespace).find((i) => i.uid === instance.uid);
}

/**
 * Writes a status planned from `instance`. Returns false if the instance changed since and must be planned
 * again.
 */
export async function settle(
  store: Store,
  { instance, step }: { instance: Instance; step: Extract<InstanceStep, { do: "settle" }> },
): Promise<boolean> {
  if (!step.releases && sameValue(instance.status, step.status)) return true;
  return await store.transact((tx) => {
    const now = findCurrent(tx, instance);
    if (now && now.resourceVersion !== instance.resourceVersion) return false;
    if (!now) return true;
    tx.update(now, { status: step.status });
    if (step.releases) releaseLeases(tx, now.uid);
    if (step.event) recordEvent(tx, { namespace: now.namespace, object: now, ...step.event });
    return true;
  });
}

/** Changes the current status, and records an event with it. */
export async function writeStatus(
  store: Store,
  instance: Instance,
  change: (status: InstanceStatus) => InstanceStatus,
  event?: { type: "Normal" | "Warning"; reason: string; message: string },
): Promise<void> {
  await store.transact((tx) => {
    const now = findCurrent(tx, instance);
    if (!now) return;
    tx.update(now, { status: change(now.status) });
    if (event) recordEvent(tx, { namespace: now.namespace, object: now, ...event });
  });
}
