/** Builds every key in Deno KV: this file is the map of what is on disk. @module */
import type { ResourceKey } from "../model/resource.ts";

/** The {@linkcode Head}. Every commit checks and rewrites it. */
export const HEAD: Deno.KvKey = ["meta", "revision"];
/** The number of the layout on disk. */
export const SCHEMA: Deno.KvKey = ["meta", "schema"];
/** Present while the redo log holds a committed transaction that is not fully applied. */
export const REDO_MARK: Deno.KvKey = ["meta", "redo"];

/** Prefixes, for lists. */
export const RESOURCES: Deno.KvKey = ["resource"];
export const HISTORY: Deno.KvKey = ["history"];
export const JOURNAL: Deno.KvKey = ["journal"];
export const REDO: Deno.KvKey = ["redo"];
export const VALUES: Deno.KvKey = ["meta", "value"];

/** The current state of a resource. */
export function resourceKey({ kind, namespace, name }: ResourceKey): Deno.KvKey {
  return [...RESOURCES, kind, namespace, name];
}

/**
 * An accepted spec. Keyed by uid, so that it survives a rename and never passes to a later resource with the
 * same name.
 */
export function historyKey(uid: string, generation: number): Deno.KvKey {
  return [...HISTORY, uid, generation];
}

/** The nth change of a revision. */
export function journalKey(revision: number, index = 0): Deno.KvKey {
  return [...JOURNAL, revision, index];
}

/** The nth chunk of a value too large for one entry. */
export function blobKey(id: string, chunk: number): Deno.KvKey {
  return ["blob", id, chunk];
}

/** The nth mutation of the transaction in the redo log. */
export function redoKey(index: number): Deno.KvKey {
  return [...REDO, index];
}

/** A value stored with `putMeta`. */
export function valueKey(key: string): Deno.KvKey {
  return [...VALUES, key];
}
