/**
 * Values in KV: UTF-8 JSON bytes in one entry or, above {@linkcode CHUNK_BYTES}, in chunks, with a pointer in
 * the value's place. A pointer is a KV object and a value is bytes, so they cannot be confused.
 * @module
 */
import { blobKey } from "./keys.ts";

/** Bytes per entry. KV allows 65,536, and the redo log adds a key. */
export const CHUNK_BYTES = 60 * 1024;

/** A pointer to the chunks of a large value. */
export interface BlobRef {
  id: string;
  chunks: number;
}

/** One write: a set, or a delete if there is no value. */
export interface Mutation {
  key: Deno.KvKey;
  value?: unknown;
}

/** A value encoded for KV. */
export interface Encoded {
  /** Writes for the value's key and its chunks. */
  mutations: Mutation[];
  /** The pointer, if the value is large. */
  blob?: BlobRef;
  /** The length of the JSON. */
  bytes: number;
}

/** Sets `json` at `key`, in chunks if it is large. */
export function encode(key: Deno.KvKey, json: string): Encoded {
  const data = new TextEncoder().encode(json);
  if (data.length <= CHUNK_BYTES) return { mutations: [{ key, value: data }], bytes: data.length };
  const blob = { id: crypto.randomUUID(), chunks: Math.ceil(data.length / CHUNK_BYTES) };
  const mutations: Mutation[] = [{ key, value: blob }];
  for (let n = 0; n < blob.chunks; n++) {
    // Use slice, not subarray: KV serializes the whole buffer under a view.
    mutations.push({ key: blobKey(blob.id, n), value: data.slice(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES) });
  }
  return { mutations, blob, bytes: data.length };
}

/** Deletes the chunks of a large value. */
export function dropBlob(blob: BlobRef | undefined): Mutation[] {
  return Array.from({ length: blob?.chunks ?? 0 }, (_, n) => ({ key: blobKey(blob!.id, n) }));
}

/** The pointer in an entry; undefined if the entry is the value itself. */
export function blobOf(value: unknown): BlobRef | undefined {
  return value instanceof Uint8Array ? undefined : value as BlobRef;
}

/** The JSON value of an entry, with its chunks. @throws if it is incomplete. */
export async function decode(kv: Deno.Kv, value: unknown): Promise<unknown> {
  const blob = blobOf(value);
  const data = blob ? await fetchBlob(kv, blob) : value as Uint8Array;
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
}

async function fetchBlob(kv: Deno.Kv, blob: BlobRef): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let n = 0; n < blob.chunks; n += 10) {
    const keys = Array.from({ length: Math.min(10, blob.chunks - n) }, (_, i) => blobKey(blob.id, n + i));
    for (const entry of await kv.getMany<Uint8Array<ArrayBuffer>[]>(keys)) {
      if (entry.value === null) {
        throw new Error(`a piece of a stored value is missing (${entry.key.join("/")})`);
      }
      parts.push(entry.value);
    }
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
