/**
 * What wakes a volume: a change of the volume, its lease, its class, its source snapshot, a snapshot being
 * taken of it, or a secret that its parameters name. Pure.
 * @module
 */
import { describeKey } from "../../model/resource.ts";
import { volumesMadeFrom } from "../snapshot/writers.ts";
import { findUsersOf } from "./secret_versions.ts";
import type { Reader } from "../../store/store.ts";
import type { Watches } from "../news.ts";

const listUnprovisioned = (state: Reader) =>
  state.list("volume").filter(({ status }) => status.handle === undefined).map(describeKey);

/** Keys are `<namespace>/<name>`. */
export const VOLUME_WATCHES: Watches = {
  round: (_, state) => state.list("volume").map(describeKey),
  // Volumes that are not provisioned may wait for the data of one that is gone.
  volume: ({ resource, deleted }, state) => deleted ? listUnprovisioned(state) : [describeKey(resource)],
  // A lease has the same name as its volume.
  lease: ({ resource }) => [describeKey(resource)],
  snapshot({ resource }, state) {
    const source = { namespace: resource.namespace, name: resource.spec.source.volume };
    // A volume that is being deleted waits for the copy to end.
    const waits = state.get("volume", source.namespace, source.name)?.deletionRequestedAt !== undefined;
    return [...volumesMadeFrom(state, resource), ...waits ? [source] : []].map(describeKey);
  },
  // The secrets of a class are those of its volumes.
  storageClass: ({ resource }, state) =>
    state.list("volume").filter(({ spec, status }) =>
      status.handle === undefined || spec.storageClassName === resource.name
    ).map(describeKey),
  secret: ({ resource }, state) => findUsersOf(resource, state).map(describeKey),
  replaced: (place) => [describeKey(place)],
};
