/**
 * Records the daemons that a state was copied from (`rune admin restore --as-copy`), so that a copy does not
 * use their things.
 * @module
 */
import type { Store } from "../../store/store.ts";

/** The key in the store's meta. Its value is a list of ids, the original first. */
const COPIED_FROM = "copied-from";

/** The ids of the daemons that a state was copied from; empty for an original. */
export async function readOriginals(store: Pick<Store, "getMeta">): Promise<string[]> {
  const found = await store.getMeta(COPIED_FROM);
  return Array.isArray(found) ? found.filter((id) => typeof id === "string") : [];
}

/** Records that the state is a copy of another daemon's. */
export async function addOriginal(
  store: Pick<Store, "getMeta" | "putMeta">,
  daemonId: string,
): Promise<void> {
  await store.putMeta(COPIED_FROM, [...await readOriginals(store), daemonId]);
}
