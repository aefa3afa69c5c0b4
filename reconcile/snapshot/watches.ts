/**
 * What wakes a snapshot: a change of the snapshot, and of its volume until the copy is made. Pure.
 * @module
 */
import { describeKey } from "../../model/resource.ts";
import { beginsToLeave, type Watches } from "../news.ts";

/** Keys are `<namespace>/<name>`. */
export const SNAPSHOT_WATCHES: Watches = {
  round: (_, state) => state.list("snapshot").map(describeKey),
  snapshot: ({ resource, deleted }) => deleted ? [] : [describeKey(resource)],
  volume: ({ resource: { namespace, name } }, state) =>
    state.list("snapshot", namespace)
      .filter(({ spec, status }) => spec.source.volume === name && status.state !== "Ready")
      .map(describeKey),
};

/** A deletion request aborts the copy at once. */
export const SNAPSHOT_INTERRUPTS: Watches = {
  snapshot: (news) => beginsToLeave(news) ? [describeKey(news.resource)] : [],
};
