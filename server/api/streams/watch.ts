/** Turns changes of the store into the events of a watch, which can be filtered and resumed. @module */
import type { WatchEvent } from "../../../model/api.ts";
import { RuneError } from "../../../model/error.ts";
import type { AnyResource, Kind } from "../../../model/resource.ts";
import type { Store } from "../../../store/store.ts";
import type { ServerSentEvent } from "./sse.ts";

/** The resources of a watch. */
export interface WatchedSet {
  kind: Kind;
  /** Default: all namespaces. */
  namespace?: string;
  /** Sends only changes after this revision. Default: existing resources first, then `sync`. */
  since?: number;
  matches: (resource: AnyResource) => boolean;
  /**
   * Whether the client may know of a resource at all; of what it may not, nothing is sent, not even that it
   * went.
   */
  isPermitted: (resource: AnyResource) => boolean;
  /** Hides what the client may not see of a resource. */
  show: (resource: AnyResource) => AnyResource;
}

/**
 * Yields the events of a watch. A resource that no longer matches is sent as `delete`. A client can resume
 * from the id of an event. The id is the revision before while more changes of the same revision follow.
 *
 * @throws {RuneError} `gone`, at once, if `since` is older than the kept revisions, or in the future.
 */
export function watchEvents(
  store: Store,
  { kind, namespace, since, matches, isPermitted, show }: WatchedSet,
): (signal: AbortSignal) => AsyncIterable<ServerSentEvent> {
  if (since !== undefined && (since < store.oldestRevision || since > store.revision)) {
    throw new RuneError(
      "gone",
      `cannot resume from revision ${since}; the oldest available is ${store.oldestRevision}`,
      { hint: "list again and watch from the revision of that list" },
    );
  }
  return async function* (signal) {
    // One synchronous block, so that no change between the list and the watch is missed.
    const now = store.revision;
    const current = (store.list(kind, namespace) as AnyResource[]).filter(isPermitted);
    const changes = store.watch({ kinds: [kind], namespace, since: since ?? now, signal });
    // The resources that the client has are known exactly, unless it resumes from a revision whose state is
    // not kept.
    const exact = since === undefined || since === now;
    const held = new Set(exact ? current.filter(matches).map((r) => r.uid) : []);
    const known = new Set(exact ? current.map((r) => r.uid) : []);
    if (since === undefined) {
      for (const resource of current) {
        if (held.has(resource.uid)) {
          yield event({ type: "put", revision: resource.resourceVersion, resource: show(resource) });
        }
      }
      yield event({ type: "sync", revision: now }, now);
    }
    for await (const { type, revision, resource, more } of changes) {
      if (!isPermitted(resource)) continue;
      const { uid } = resource;
      const isNew = resource.createdAt === resource.updatedAt;
      const mayHold = held.has(uid) || (!exact && !isNew && !known.has(uid));
      known.add(uid);
      const id = more ? revision - 1 : revision;
      if (type === "put" && matches(resource)) {
        held.add(uid);
        yield event({ type: "put", revision, resource: show(resource) }, id);
      } else if (mayHold) {
        held.delete(uid);
        yield event({ type: "delete", revision, resource: show(resource) }, id);
      }
      if (type === "delete") known.delete(uid);
    }
  };
}

const event = (data: WatchEvent<AnyResource>, id?: number): ServerSentEvent => ({
  event: data.type,
  ...(id !== undefined && { id: String(id) }),
  data,
});
