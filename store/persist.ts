/**
 * Turns the changes of a transaction into mutations: the resource, its history, its journal entry, and the
 * removal of what the old state occupied.
 * @module
 */
import { sameValue } from "../model/changes.ts";
import { ANNOTATIONS } from "../model/marks.ts";
import { type AnyResource, KINDS } from "../model/resource.ts";
import type { Change, HistoryEntry } from "./contract.ts";
import { historyKey, journalKey, resourceKey } from "./keys.ts";
import type { NetChange } from "./transaction.ts";
import { type BlobRef, dropBlob, encode, type Mutation } from "./values.ts";

/** What a resource occupies on disk besides its own entry. */
export interface Footprint {
  blob?: BlobRef;
  /** Oldest first. */
  history: { generation: number; blob?: BlobRef }[];
}

/**
 * Footprints by the object of a resource's state. A staged state that is discarded takes its footprint with
 * it, so nothing needs undoing.
 */
export type Footprints = WeakMap<AnyResource, Footprint>;

/** The writes of a transaction. */
export interface PlannedWrites {
  mutations: Mutation[];
  /** Deletes before puts. */
  changes: Change[];
  /** Size of the journal entries. */
  bytes: number;
}

const NOTHING: Footprint = { history: [] };

/** Plans the writes of one transaction and records the footprint of each new state. */
export function persist(
  touched: NetChange[],
  { revision, footprints, historyLimit }: { revision: number; footprints: Footprints; historyLimit: number },
): PlannedWrites {
  const written: PlannedWrites = { mutations: [], changes: [], bytes: 0 };
  const record = (change: Change, json: string) => {
    const key = journalKey(revision, written.changes.length);
    const entry = encode(key, `{"type":"${change.type}","resource":${json}}`);
    written.mutations.push(...entry.mutations);
    written.bytes += entry.bytes;
    written.changes.push(Object.freeze(change));
  };

  for (const { base, now } of touched) {
    if (!base || base.name === now?.name) continue;
    written.mutations.push({ key: resourceKey(base) });
    if (!now) written.mutations.push(...dropAll(base, footprints.get(base)));
    record({ revision, type: "delete", resource: base }, JSON.stringify(base));
  }
  for (const { base, now } of touched) {
    if (!now) continue;
    const before = base && footprints.get(base) || NOTHING;
    const json = JSON.stringify(now);
    const entry = encode(resourceKey(now), json);
    const history = planHistory({ base, now, before, historyLimit });
    written.mutations.push(...dropBlob(before.blob), ...entry.mutations, ...history.mutations);
    footprints.set(now, { blob: entry.blob, history: history.kept });
    record({ revision, type: "put", resource: now, previous: base }, json);
  }
  return written;
}

function dropAll(resource: AnyResource, { blob, history }: Footprint = NOTHING): Mutation[] {
  return [...dropBlob(blob), ...history.flatMap((past) => dropHistory(resource.uid, past))];
}

function dropHistory(uid: string, { generation, blob }: Footprint["history"][number]): Mutation[] {
  return [{ key: historyKey(uid, generation) }, ...dropBlob(blob)];
}

/** Whether two states are the same version in the history, ignoring the fields in `aside`. */
function isSamePast(base: AnyResource, now: AnyResource, aside: readonly string[]): boolean {
  if (base.generation === now.generation) return true;
  const toShown = ({ spec }: AnyResource) => ({
    ...spec,
    ...Object.fromEntries(aside.map((f) => [f, null])),
  });
  return sameValue(toShown(base), toShown(now));
}

function planHistory(
  { base, now, before, historyLimit }: {
    base?: AnyResource;
    now: AnyResource;
    before: Footprint;
    historyLimit: number;
  },
): { kept: Footprint["history"]; mutations: Mutation[] } {
  const { history } = KINDS[now.kind];
  if (!history || (base && before.history.length > 0 && isSamePast(base, now, history.aside))) {
    return { kept: before.history, mutations: [] };
  }
  const by = now.annotations[ANNOTATIONS.changedBy];
  const entry: HistoryEntry = {
    generation: now.generation,
    spec: now.spec,
    at: now.updatedAt,
    ...(by !== undefined && { by }),
  };
  const { mutations, blob } = encode(historyKey(now.uid, now.generation), JSON.stringify(entry));
  const all = [...before.history, { generation: now.generation, blob }];
  const excess = Math.max(0, all.length - historyLimit);
  for (const past of all.slice(0, excess)) mutations.push(...dropHistory(now.uid, past));
  return { kept: all.slice(excess), mutations };
}
