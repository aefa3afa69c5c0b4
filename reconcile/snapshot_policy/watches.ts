/**
 * What wakes the snapshot policy of a volume: the volume, its snapshots, and the class or service that names
 * the policy. Pure.
 * @module
 */
import { describeKey } from "../../model/resource.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Watches } from "../news.ts";

const sourceOf = ({ namespace, spec }: Snapshot) => describeKey({ namespace, name: spec.source.volume });

/** Keys are `<namespace>/<name>` of volumes, including removed volumes that left snapshots. */
export const SNAPSHOT_POLICY_WATCHES: Watches = {
  round: (_, state) => [...state.list("volume").map(describeKey), ...state.list("snapshot").map(sourceOf)],
  volume: ({ resource }) => [describeKey(resource)],
  snapshot: ({ resource }) => [sourceOf(resource)],
  storageClass: ({ resource }, state) =>
    state.list("volume").filter(({ spec }) => spec.storageClassName === resource.name).map(describeKey),
  service({ resource, previous, deleted }, state) {
    // Only a cast matters: its claim templates may name another policy.
    if (previous?.generation === resource.generation && !deleted) return [];
    return state.list("volume").filter(({ namespace, status }) =>
      namespace === resource.namespace && status.ownerService === resource.name
    ).map(describeKey);
  },
};
