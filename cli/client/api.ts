/**
 * Requests to the daemon in terms of resources: lists, single resources, and watches that survive a broken
 * connection.
 * @module
 */
import { sleep } from "../../base/delay.ts";
import type { InstanceUsage, ResourceList, WatchEvent } from "../../model/api.ts";
import { RuneError } from "../../model/error.ts";
import { describeKey, KINDS } from "../../model/kinds.ts";
import type { Kind, Kinds } from "../../model/resource.ts";
import { type Client, segment } from "./client.ts";

/** Entries per page. */
const PAGE = 500;
/** How long a watch tries to reach a daemon that went away, in milliseconds: long enough for a restart. */
const RECONNECT_MS = 30_000;

/** A selection of resources of a kind. */
export interface Scope {
  /** Default: all namespaces. Ignored for cluster-scoped kinds. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

/** An event of a watch: a resource as it is now, a deleted one, or the end of what existed at the start. */
export type Change<K extends Kind> =
  | { type: "put" | "delete"; resource: Kinds[K] }
  | { type: "sync" };

/** Path of a kind's collection. */
export function collectionPath(kind: Kind, namespace?: string): string {
  const { plural, namespaced } = KINDS[kind];
  return namespaced && namespace !== undefined
    ? `/v1/namespaces/${segment(namespace)}/${plural}`
    : `/v1/${plural}`;
}

/** Path of one resource, with optional parts after it (`actions`, `scale`). */
export function resourcePath(
  key: { kind: Kind; namespace: string; name: string },
  ...parts: string[]
): string {
  return [collectionPath(key.kind, key.namespace), segment(key.name), ...parts].join("/");
}

/** Every resource in scope, from all pages. */
export async function listResources<K extends Kind>(
  client: Client,
  kind: K,
  scope: Scope,
): Promise<Kinds[K][]> {
  const { namespace, ...selectors } = scope;
  const items: Kinds[K][] = [];
  let next: string | undefined;
  do {
    const page = await client.request<ResourceList<Kinds[K]>>("GET", collectionPath(kind, namespace), {
      query: { ...selectors, limit: PAGE, continue: next },
    });
    if (!Array.isArray(page?.items)) {
      throw new RuneError("internal", `${client.server} did not answer with a list of ${KINDS[kind].plural}`);
    }
    items.push(...page.items);
    next = page.continue;
  } while (next);
  return items;
}

/** One resource. @throws {RuneError} `not_found`. */
export function getResource<K extends Kind>(
  client: Client,
  key: { kind: K; namespace: string; name: string },
): Promise<Kinds[K]> {
  return client.request<Kinds[K]>("GET", resourcePath(key));
}

/** One resource, or undefined if it does not exist. */
export async function findResource<K extends Kind>(
  client: Client,
  key: { kind: K; namespace: string; name: string },
): Promise<Kinds[K] | undefined> {
  try {
    return await getResource(client, key);
  } catch (error) {
    if (error instanceof RuneError && error.code === "not_found") return undefined;
    throw error;
  }
}

/** Pause between attempts to reach a daemon that went away, in milliseconds. */
const RETRY_MS = 250;

/** A watch's event, with the revision from which to resume after it, if the server sent one. */
interface Resumable<K extends Kind> {
  event: WatchEvent<Kinds[K]>;
  resume?: number;
}

/** The events of one connection of a watch. */
async function* connectOnce<K extends Kind>(
  client: Client,
  { kind, scope, since, signal }: { kind: K; scope: Scope; since?: number; signal: AbortSignal },
): AsyncGenerator<Resumable<K>> {
  const { namespace, ...selectors } = scope;
  const query = { ...selectors, watch: true, since };
  for await (const { id, data } of client.stream(collectionPath(kind, namespace), { query, signal })) {
    const event = JSON.parse(data) as WatchEvent<Kinds[K]>;
    yield id === undefined ? { event } : { event, resume: Number(id) };
  }
}

/** Decides whether a watch that lost its connection keeps trying. */
function patience(): { keepsTrying(error: unknown, livedMs: number): boolean } {
  let connected = false;
  let downSince: number | undefined;
  return {
    keepsTrying(error, livedMs) {
      const code = error instanceof RuneError ? error.code : undefined;
      if (error !== undefined && code !== "unavailable" && code !== "gone") return false;
      if (error === undefined || livedMs > 1000) {
        connected = true;
        downSince = undefined;
      }
      downSince ??= performance.now();
      return (connected || code === "gone") && performance.now() - downSince <= RECONNECT_MS;
    },
  };
}

/**
 * Yields the resources in scope, then every change of them, until `signal` aborts. After a broken connection
 * it resumes where it stopped. If the daemon no longer has that revision, it lists everything again and
 * reports missing resources as deleted.
 *
 * @throws {RuneError} if the first connection fails, or the daemon stays away for 30 s.
 */
export async function* watchResources<K extends Kind>(
  client: Client,
  options: { kind: K; scope: Scope; signal: AbortSignal },
): AsyncGenerator<Change<K>> {
  const { kind, scope, signal } = options;
  const known = new Map<string, Kinds[K]>();
  const { keepsTrying } = patience();
  let synced = false;
  let since: number | undefined;
  while (!signal.aborted) {
    const started = performance.now();
    const listed = new Set<string>();
    let failure: unknown;
    try {
      for await (const { event, resume } of connectOnce(client, { kind, scope, since, signal })) {
        if (event.type === "sync") {
          for (const [key, resource] of known) {
            if (listed.has(key)) continue;
            known.delete(key);
            yield { type: "delete", resource };
          }
          if (!synced) yield { type: "sync" };
          synced = true;
        } else {
          // By name: a renamed resource appears with its new name before the old name goes.
          const key = describeKey(event.resource);
          if (event.type === "put") known.set(key, event.resource);
          else known.delete(key);
          listed.add(key);
          yield { type: event.type, resource: event.resource };
        }
        since = resume ?? since;
      }
    } catch (error) {
      failure = error;
    }
    if (signal.aborted) return;
    if (!keepsTrying(failure, performance.now() - started)) throw failure;
    if (failure instanceof RuneError && failure.code === "gone") since = undefined;
    await sleep(RETRY_MS);
  }
}

/**
 * Creates a resource. @throws {RuneError} `already_exists`, with `exists` as its hint; other errors of the
 * daemon.
 */
export async function createResource<K extends Kind>(
  client: Client,
  key: { kind: K; namespace: string },
  options: { body: Record<string, unknown>; exists: string },
): Promise<Kinds[K]> {
  try {
    return await client.request<Kinds[K]>("POST", collectionPath(key.kind, key.namespace), {
      body: options.body,
    });
  } catch (error) {
    if (!(error instanceof RuneError) || error.code !== "already_exists") throw error;
    throw new RuneError(error.code, error.message, { cause: error, hint: options.exists });
  }
}

/**
 * The CPU and memory of running instances, by uid. Empty if the daemon cannot tell, because it only adds to
 * other output.
 */
export async function instanceUsage(client: Client, namespace?: string): Promise<Map<string, InstanceUsage>> {
  try {
    const path = "/v1/usage/instances";
    const { items = [] } = await client.request<{ items?: InstanceUsage[] }>("GET", path, {
      query: { namespace },
    });
    return new Map(items.map((usage) => [usage.uid, usage]));
  } catch (error) {
    if (error instanceof RuneError) return new Map();
    throw error;
  }
}
