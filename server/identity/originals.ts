/**
 * Of which daemons a copy was made (`rune admin restore --as-copy`): kept in the state, so that neither takes
 * what is the other's.
 * @module
 */
import type { Store } from "../../store/store.ts";

/** Key of the store's meta: ids, the original first. */
const COPIED_FROM = "copied-from";

/** Ids of the daemons that a state was copied from; none for an original. */
export async function readOriginals(store: Pick<Store, "getMeta">): Promise<string[]> {
  const found = await store.getMeta(COPIED_FROM);
  return Array.isArray(found) ? found.filter((id) => typeof id === "string") : [];
}

/** Records that the state is a copy of one more daemon's. */
export async function addOriginal(
  store: Pick<Store, "getMeta" | "putMeta">,
  daemonId: string,
): Promise<void> {
  await store.putMeta(COPIED_FROM, [...await readOriginals(store), daemonId]);
}
