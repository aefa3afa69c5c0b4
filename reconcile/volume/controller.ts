/** The volume controller: one pass is observe, plan, apply, until the plan has settled. @module */
import { readVolumeSource } from "../../model/volume_source.ts";
import type { Moment } from "../../base/clock.ts";
import type { Controller } from "../controller.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { describeShortage } from "../../model/format.ts";
import { findNode } from "../../node/placement.ts";
import { readFor } from "../snapshot/writers.ts";
import { applyVolume, driverName, type VolumeDeps } from "./apply.ts";
import { findRival } from "./named_data.ts";
import { planVolume, type VolumeView } from "./plan.ts";
import { readSecretVersions } from "./secret_versions.ts";
import { VOLUME_WATCHES } from "./watches.ts";

/** Most steps in one pass; more would mean that the plan does not converge. */
const MAX_STEPS = 8;

/** Observes the current state of a volume; undefined if it is gone. */
function observeVolume(
  key: { namespace: string; name: string },
  deps: VolumeDeps & { now: Moment; full: string | undefined },
): VolumeView | undefined {
  const volume = deps.store.get("volume", key.namespace, key.name);
  if (!volume) return undefined;
  const className = volume.spec.storageClassName;
  const storageClass = className === undefined ? undefined : deps.store.get("storageClass", "", className);
  const view = { volume, class: storageClass };
  const node = findNode(deps);
  const source = readVolumeSource(volume);
  const snapshot = source && deps.store.get("snapshot", source.namespace, source.name);
  const driver = driverName(view);
  const capabilities = node.drivers.get(driver ?? "")?.capabilities;
  const rival = findRival({ volume, capabilities, driver }, deps.store);
  return {
    ...view,
    secrets: readSecretVersions(view, deps.store),
    ...(snapshot && { source: snapshot }),
    capabilities,
    ...(rival && { rival }),
    ...(volume.deletionRequestedAt !== undefined && { readFor: readFor(deps.store, volume) }),
    holders: deps.store.get("lease", key.namespace, key.name)?.spec.holders ?? [],
    mountPath: deps.mounts.get(volume.uid)?.path,
    node,
    now: deps.now,
    ...(deps.full !== undefined && { full: deps.full }),
  };
}

/** Why nothing can be written to a mounted volume; undefined while it has room. */
async function fullOf(
  key: { namespace: string; name: string },
  { deps, signal }: { deps: VolumeDeps; signal: AbortSignal },
): Promise<string | undefined> {
  const volume = deps.store.get("volume", key.namespace, key.name);
  if (!volume || !deps.mounts.get(volume.uid)) return undefined;
  const shortage = await findNode(deps).volumes.findShortage(volume.uid, signal);
  return shortage && describeShortage(shortage);
}

/** One pass over the volume `<namespace>/<name>`. */
export async function reconcileVolume(
  key: string,
  { deps, signal }: { deps: VolumeDeps; signal: AbortSignal },
): Promise<Outcome> {
  const [namespace, name] = key.split("/") as [string, string];
  for (let i = 0; i < MAX_STEPS; i++) {
    // This await comes first: the rest is observed in one turn of the event loop.
    const full = await fullOf({ namespace, name }, { deps, signal });
    const view = observeVolume({ namespace, name }, { ...deps, now: deps.clock.now(), full });
    if (!view) return DONE;
    const outcome = await applyVolume(planVolume(view), { view, deps, node: findNode(deps), signal });
    if (outcome) return outcome;
  }
  return { type: "again", afterMs: 100 };
}

/** See the module comment. */
export const VOLUME_CONTROLLER: Controller<VolumeDeps> = {
  name: "volume",
  kind: "volume",
  concurrency: 8,
  watches: VOLUME_WATCHES,
  reconcile: reconcileVolume,
};
