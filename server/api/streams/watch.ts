/**
 * Turns the store's changes into the events of one client's watch: selectors applied, resumable anywhere.
 * @module
 */
import type { WatchEvent } from "../../../model/api.ts";
import { RuneError } from "../../../model/error.ts";
import type { AnyResource, Kind } from "../../../model/resource.ts";
import type { Store } from "../../../store/store.ts";
import type { ServerSentEvent } from "./sse.ts";

/** What one client wants to see. */
export interface WatchedSet {
  kind: Kind;
  /** All when absent. */
  namespace?: string;
  /** Only changes after this revision. When absent, what exists comes first, then `sync`. */
  since?: number;
  matches: (resource: AnyResource) => boolean;
  /**
   * Whether the client may know of a resource at all; of what it may not, nothing is sent, not even that it
   * went.
   */
  isPermitted: (resource: AnyResource) => boolean;
  /** A resource as the client may see it. */
  show: (resource: AnyResource) => AnyResource;
}

/**
 * The events of a watch. A resource that stops matching is sent as `delete`. An event's id is where a client
 * may resume: the revision before, as long as more changes of the same revision follow.
 *
 * @throws {RuneError} `gone`, at once, when `since` is older than what is kept or was never reached.
 */
export function watchEvents(
  store: Store,
  { kind, namespace, since, matches, isPermitted, show }: WatchedSet,
): (signal: AbortSignal) => AsyncIterable<ServerSentEvent> {
  if (since !== undefined && (since < store.oldestRevision || since > store.revision)) {
    throw new RuneError(
      "gone",
      `revision ${since} cannot be resumed from; the oldest available is ${store.oldestRevision}`,
      { hint: "list again and watch from the revision of that list" },
    );
  }
  return async function* (signal) {
    // One synchronous block: between the list and the watch nothing can be missed.
    const now = store.revision;
    const current = (store.list(kind, namespace) as AnyResource[]).filter(isPermitted);
    const changes = store.watch({ kinds: [kind], namespace, since: since ?? now, signal });
    // What the client holds is known exactly, unless it resumes from a past that is not kept as a state.
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
