/**
 * News for controllers: a change in the store, or an event outside the store. A controller receives news only
 * through its `watches`. Pure.
 * @module
 */
import type { RunnerName } from "../model/instance.ts";
import type { Kind, Kinds } from "../model/resource.ts";
import type { Change, Reader } from "../store/store.ts";

/** A resource of one kind was written or removed. */
export interface ChangeOf<K extends Kind> {
  kind: K;
  /** The current version; the last version if the resource was removed. */
  resource: Kinds[K];
  /** The version before the change; absent for a new resource. */
  previous?: Kinds[K] | undefined;
  deleted: boolean;
}

/** Events that are not in the store. */
export type OutsideNews =
  /** Time to check everything, so that a missed event only delays the work by one round. */
  | { kind: "round" }
  /** Something happened to a run. */
  | { kind: "run"; instanceUid: string; run: number }
  /** A runner was unreachable, so events of its runs may have been missed. */
  | { kind: "outage"; runner: RunnerName }
  /** The probe result of an instance changed. */
  | { kind: "probe"; instanceUid: string }
  /** A volume was mounted. */
  | { kind: "mounted"; volumeUid: string }
  /** Another directory was found where a volume was mounted. */
  | { kind: "replaced"; namespace: string; name: string }
  /** The proxy for host names exited unexpectedly. */
  | { kind: "proxyEnded" };

/** See the module comment. */
export type News = { [K in Kind]: ChangeOf<K> }[Kind] | OutsideNews;

/**
 * Maps each kind of news to the keys it affects. An extra key costs one pass; a missing key delays the work
 * until the next round.
 *
 * @param state the current content of the store.
 */
export type Watches = {
  readonly [K in News["kind"]]?: (news: Extract<News, { kind: K }>, state: Reader) => string[];
};

/** Converts a store change to news. */
export function newsOf({ type, resource, previous }: Change): News {
  return { kind: resource.kind, resource, previous, deleted: type === "delete" } as News;
}

/** Returns the keys that a piece of news affects. */
export function keysOf(
  watches: Watches | undefined,
  { news, state }: { news: News; state: Reader },
): string[] {
  const watch = watches?.[news.kind] as ((news: News, state: Reader) => string[]) | undefined;
  return watch?.(news, state) ?? [];
}

/** Whether this change is the request to delete the resource. */
export function beginsToLeave({ resource, previous, deleted }: ChangeOf<Kind>): boolean {
  return !deleted && resource.deletionRequestedAt !== undefined &&
    previous?.deletionRequestedAt === undefined;
}
