/**
 * Transactions larger than one KV commit. They first write their mutations to the redo log. The commit that
 * sets the mark decides. Then the log is applied; applying it again from the start gives the same state.
 * @module
 */
import { REDO, REDO_MARK, redoKey } from "./keys.ts";
import type { Mutation } from "./values.ts";

/** KV allows 1,000 mutations and 800 KiB per commit. The rest is reserved for overhead and for the head. */
const MAX_MUTATIONS = 900;
const MAX_BYTES = 640 * 1024;

/** Adds mutations to a commit, in order. */
export function stage(commit: Deno.AtomicOperation, mutations: Mutation[]): Deno.AtomicOperation {
  for (const { key, value } of mutations) {
    if (value === undefined) commit.delete(key);
    else commit.set(key, value);
  }
  return commit;
}

/** Approximate size of a mutation inside a commit, in bytes. */
export function sizeOf({ key, value }: Mutation): number {
  let size = 128;
  for (const part of key) size += typeof part === "string" ? part.length * 3 + 2 : 9;
  return size + (value instanceof Uint8Array ? value.length : 0);
}

/** Whether the mutations fit into one KV commit. */
export function fitsOneCommit(mutations: Mutation[]): boolean {
  return mutations.length <= MAX_MUTATIONS &&
    mutations.reduce((sum, mutation) => sum + sizeOf(mutation), 0) <= MAX_BYTES;
}

/** Splits mutations into commits. */
async function* batches(
  mutations: Iterable<Mutation> | AsyncIterable<Mutation>,
): AsyncGenerator<Mutation[]> {
  let batch: Mutation[] = [];
  let bytes = 0;
  for await (const mutation of mutations) {
    const size = sizeOf(mutation);
    if (batch.length === MAX_MUTATIONS || (batch.length > 0 && bytes + size > MAX_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(mutation);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** Writes mutations to the redo log, which must be empty. They have no effect until the mark is set. */
export async function writeRedo(kv: Deno.Kv, mutations: Mutation[]): Promise<void> {
  let index = 0;
  for await (const batch of batches(mutations)) {
    await stage(kv.atomic(), batch.map((mutation) => ({ key: redoKey(index++), value: mutation }))).commit();
  }
}

/** Applies the redo log if it is marked, and empties it in any case. */
export async function finishRedo(kv: Deno.Kv): Promise<void> {
  if ((await kv.get(REDO_MARK)).value !== null) {
    for await (const batch of batches(readLogged(kv, ({ value }) => value))) {
      await stage(kv.atomic(), batch).commit();
    }
    await stage(kv.atomic(), [{ key: REDO_MARK }]).commit();
  }
  for await (const batch of batches(readLogged(kv, ({ key }) => ({ key })))) {
    await stage(kv.atomic(), batch).commit();
  }
}

async function* readLogged(
  kv: Deno.Kv,
  mutationOf: (entry: Deno.KvEntry<Mutation>) => Mutation,
): AsyncGenerator<Mutation> {
  for await (const entry of kv.list<Mutation>({ prefix: REDO })) yield mutationOf(entry);
}
