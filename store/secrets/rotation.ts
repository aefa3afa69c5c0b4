/**
 * Rotation of the KEK, in steps each of which can be repeated:
 *
 * 1. the next KEK is made beside the current one (`<file>.next`);
 * 2. every data key is wrapped by it; each carries the id of the KEK that wraps it;
 * 3. its id becomes the one in force;
 * 4. its file takes the place of the current one, which is gone by that;
 * 5. the database is rewritten, so that no page of it holds a key as the old KEK wrapped it.
 *
 * A daemon killed anywhere in between finds at its next start how far it came and goes on from there.
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
