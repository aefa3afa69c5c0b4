/** Loads the committed state into memory when the store opens. @module */
import type { AnyResource } from "../model/resource.ts";
import { freeze } from "./frozen.ts";
import { HISTORY, RESOURCES, VALUES } from "./keys.ts";
import type { Footprint, Footprints } from "./persist.ts";
import { ResourceIndex } from "./resource_index.ts";
import { blobOf, type BlobRef, decode } from "./values.ts";

/** The state in memory, without the journal's tail. */
export interface LoadedState {
  committed: ResourceIndex;
  footprints: Footprints;
  values: Map<string, BlobRef | undefined>;
}

const BATCH = { batchSize: 500 };

/** @throws if an entry cannot be read or is incomplete. */
export async function loadState(kv: Deno.Kv): Promise<LoadedState> {
  const histories = new Map<string, Footprint["history"]>();
  for await (const { key, value } of kv.list({ prefix: HISTORY }, BATCH)) {
    const [, uid, generation] = key as [string, string, number];
    const history = histories.get(uid) ?? [];
    history.push({ generation, blob: blobOf(value) });
    histories.set(uid, history);
  }
  const committed = new ResourceIndex();
  const footprints: Footprints = new WeakMap();
  for await (const { key, value } of kv.list({ prefix: RESOURCES }, BATCH)) {
    const resource = await decode(kv, value).catch((cause) => {
      throw new Error(`${key.slice(1).join(" ")}: ${cause.message}`, { cause });
    }) as AnyResource;
    committed.put(freeze(resource));
    footprints.set(resource, { blob: blobOf(value), history: histories.get(resource.uid) ?? [] });
  }
  const values: LoadedState["values"] = new Map();
  for await (const { key, value } of kv.list({ prefix: VALUES }, BATCH)) {
    values.set(key[2] as string, blobOf(value));
  }
  return { committed, footprints, values };
}
