/**
 * What wakes a snapshot: a change of the snapshot, and, until the copy is made, of its volume and of the
 * volume's other snapshots, for which it may wait. Pure.
 * @module
 */
import { describeKey } from "../../model/resource.ts";
import type { Reader } from "../../store/store.ts";
import { beginsToLeave, type Watches } from "../news.ts";

/** Keys are `<namespace>/<name>`. */
export const SNAPSHOT_WATCHES: Watches = {
  round: (_, state) => state.list("snapshot").map(describeKey),
  snapshot({ resource, previous, deleted }, state) {
    const itself = deleted ? [] : [describeKey(resource)];
    if (!deleted && previous?.status.state === resource.status.state) return itself;
    const { namespace, spec: { source } } = resource;
    const waiting = listWaiting(state, { namespace, name: source.volume });
    return [...new Set([...itself, ...waiting])];
  },
  volume: ({ resource }, state) => listWaiting(state, resource),
};

/** The snapshots of a volume that are not Ready. */
function listWaiting(state: Reader, { namespace, name }: { namespace: string; name: string }): string[] {
  return state.list("snapshot", namespace)
    .filter(({ spec, status }) => spec.source.volume === name && status.state !== "Ready")
    .map(describeKey);
}

/** A deletion request aborts the copy at once. */
export const SNAPSHOT_INTERRUPTS: Watches = {
  snapshot: (news) => beginsToLeave(news) ? [describeKey(news.resource)] : [],
};
