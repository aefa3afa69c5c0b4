/**
 * What wakes a volume: its own change, who holds it, its class, and snapshots that it is made from or copied
 * for. Pure.
 * @module
 */
import { describeKey } from "../../model/resource.ts";
import { volumesMadeFrom } from "../snapshot/writers.ts";
import type { Watches } from "../news.ts";

/** Keys are `<namespace>/<name>`. */
export const VOLUME_WATCHES: Watches = {
  round: (_, state) => state.list("volume").map(describeKey),
  volume: ({ resource, deleted }) => deleted ? [] : [describeKey(resource)],
  // A lease has the name of its volume.
  lease: ({ resource }) => [describeKey(resource)],
  snapshot({ resource }, state) {
    const source = { namespace: resource.namespace, name: resource.spec.source.volume };
    // A volume that is to go waits for the copy to end.
    const waits = state.get("volume", source.namespace, source.name)?.deletionRequestedAt !== undefined;
    return [...volumesMadeFrom(state, resource), ...waits ? [source] : []].map(describeKey);
  },
  storageClass: (_, state) =>
    state.list("volume").filter(({ status }) => status.handle === undefined).map(describeKey),
  replaced: (place) => [describeKey(place)],
};
