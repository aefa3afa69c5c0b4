/**
 * What controllers hear of: a change of the store, or of something that the store does not hold. Every kind
 * of news reaches a controller in one way: through what the controller `watches`. Pure.
 * @module
 */
import type { RunnerName } from "../model/instance.ts";
import type { Kind, Kinds } from "../model/resource.ts";
import type { Change, Reader } from "../store/store.ts";

/** A resource of one kind was written or removed. */
export interface ChangeOf<K extends Kind> {
  kind: K;
  /** As it is now; as it was last, when it was removed. */
  resource: Kinds[K];
  /** As it was before, when it was there. */
  previous?: Kinds[K] | undefined;
  deleted: boolean;
}

/** What the store does not hold. */
export type OutsideNews =
  /** Time for a look at everything: a lost notice costs one round, never truth. */
  | { kind: "round" }
  /** Something happened to a run. */
  | { kind: "run"; instanceUid: string; run: number }
  /** A runner was out of reach: what happened to its runs meanwhile, nobody heard. */
  | { kind: "outage"; runner: RunnerName }
  /** The probes of an instance say something else than before. */
  | { kind: "probe"; instanceUid: string }
  /** A volume was mounted. */
  | { kind: "mounted"; volumeUid: string }
  /** Where a volume was mounted, another directory was found. */
  | { kind: "replaced"; namespace: string; name: string }
  /** The proxy of host names has ended by itself. */
  | { kind: "proxyEnded" };

/** See the module comment. */
export type News = { [K in Kind]: ChangeOf<K> }[Kind] | OutsideNews;

/**
 * The keys that each kind of news concerns. A key too many costs a pass, a key too few costs a round.
 *
 * @param state what is stored now.
 */
export type Watches = {
  readonly [K in News["kind"]]?: (news: Extract<News, { kind: K }>, state: Reader) => string[];
};

/** The news that a change of the store is. */
export function newsOf({ type, resource, previous }: Change): News {
  return { kind: resource.kind, resource, previous, deleted: type === "delete" } as News;
}

/** The keys that news concerns. */
export function keysOf(
  watches: Watches | undefined,
  { news, state }: { news: News; state: Reader },
): string[] {
  const watch = watches?.[news.kind] as ((news: News, state: Reader) => string[]) | undefined;
  return watch?.(news, state) ?? [];
}

/** Whether somebody has just asked for the resource to be removed. */
export function beginsToLeave({ resource, previous, deleted }: ChangeOf<Kind>): boolean {
  return !deleted && resource.deletionRequestedAt !== undefined &&
    previous?.deletionRequestedAt === undefined;
}
