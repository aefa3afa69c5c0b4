/** The volume controller: one pass is observe, plan, apply, until the plan has settled. @module */
import type { Store } from "../../store/store.ts";
import type { Outcome } from "../outcome.ts";
import { DONE } from "../outcome.ts";
import { readFor } from "../snapshot/writers.ts";
import { applyVolume, driverName, type VolumeDeps } from "./apply.ts";
import { planVolume, type VolumeView } from "./plan.ts";

/** Steps in one pass before it makes room for others; more would be a plan that does not converge. */
const MAX_STEPS = 8;

/** What is true of a volume now; undefined when it is gone. */
function observeVolume(
  key: { namespace: string; name: string },
  deps: VolumeDeps & { store: Store; now: Date },
): VolumeView | undefined {
  const volume = deps.store.get("volume", key.namespace, key.name);
  if (!volume) return undefined;
  const className = volume.spec.storageClassName;
  const storageClass = className === undefined ? undefined : deps.store.get("storageClass", "", className);
  const view = { volume, class: storageClass };
  const { source } = volume.spec;
  const snapshot = source && deps.store.get("snapshot", source.namespace, source.snapshot);
  return {
    ...view,
    ...(snapshot && { source: snapshot }),
    capabilities: deps.drivers.get(driverName(view) ?? "")?.capabilities,
    ...(volume.deletionRequestedAt !== undefined && { readFor: readFor(deps.store, volume) }),
    holders: deps.store.get("lease", key.namespace, key.name)?.spec.holders ?? [],
    mountPath: deps.mounts.get(volume.uid)?.path,
    node: deps.node,
    now: deps.now,
  };
}

/** One pass over the volume `<namespace>/<name>`. */
export async function reconcileVolume(
  key: string,
  { deps, signal }: { deps: VolumeDeps; signal: AbortSignal },
): Promise<Outcome> {
  const [namespace, name] = key.split("/") as [string, string];
  for (let i = 0; i < MAX_STEPS; i++) {
    const view = observeVolume({ namespace, name }, { ...deps, now: deps.clock.now() });
    if (!view) return DONE;
    const outcome = await applyVolume(planVolume(view), { view, deps, signal });
    if (outcome) return outcome;
  }
  return { type: "again", afterMs: 100 };
}
