/**
 * Rotation of the KEK, in repeatable steps:
 *
 * 1. create the next KEK beside the current one (`<file>.next`);
 * 2. wrap every data key with it; each key records the id of the KEK that wraps it;
 * 3. make its id the current one;
 * 4. rename its file over the current one, which is then gone;
 * 5. rewrite the database, so that no page of it holds a key wrapped by the old KEK.
 *
 * If the daemon is killed on the way, its next start finds out how far it came and continues.
 * @module
 */
import { moveEntry } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import type { Store } from "../contract.ts";
import type { DataKeys, Keyring } from "./data_keys.ts";
import { type Kek, type KekSource, makeKekFile, nextPath, readKekFile } from "./kek.ts";
import { KEK_META } from "./open_kek.ts";

/** What a rotation works on. */
export interface RotationDeps {
  store: Store;
  keys: DataKeys;
  source: KekSource;
}

/** Set while the database may still hold keys wrapped by the old KEK. */
const COMPACT_META = "kek-compact";

/** Steps 2 to 5. @returns how many data keys were rewrapped. */
export async function rotateKek(
  { store, keys, source }: RotationDeps,
  { from, to }: { from: Keyring; to: Kek },
): Promise<number> {
  await store.putMeta(COMPACT_META, true);
  let rewrapped = 0;
  for (const id of await keys.ids()) if (await keys.rewrap(id, { from, to })) rewrapped++;
  await store.putMeta(KEK_META, to.id);
  if (source.from === "file") await moveEntry(nextPath(source.path), source.path);
  await finishCompaction(store);
  return rewrapped;
}

/** Step 5, if it is due. */
export async function finishCompaction(store: Store): Promise<void> {
  if (!await store.getMeta(COMPACT_META)) return;
  await store.compact();
  await store.putMeta(COMPACT_META, undefined);
}

/**
 * Step 1: the KEK to rotate to.
 *
 * @throws {RuneError} `failed_precondition` if the KEK comes from the environment.
 */
export async function nextKek(source: KekSource): Promise<Kek> {
  if (source.from === "env") {
    throw new RuneError(
      "failed_precondition",
      `the key encryption key comes from the variable ${source.variable}`,
      {
        hint:
          `set ${source.variable}_PREVIOUS to the current key and ${source.variable} to a new one, and restart the daemon`,
      },
    );
  }
  // Reuse the key of an earlier attempt: it may already wrap some data keys.
  return await readKekFile(nextPath(source.path)) ?? await makeKekFile(nextPath(source.path));
}
