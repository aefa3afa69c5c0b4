/**
 * Ends long work for an instance when that is to be removed: what comes next for its service need not wait.
 * @module
 */
import type { Instance } from "../../model/instance.ts";
import type { Store } from "../../store/store.ts";

/** A signal that aborts with `signal`, and when the instance is to be removed. */
export function whileWanted(
  { uid, namespace }: Instance,
  { store, signal }: { store: Store; signal: AbortSignal },
): Disposable & { signal: AbortSignal } {
  const unwanted = new AbortController();
  const isWanted = (instance: Instance | undefined) => instance && instance.deletionRequestedAt === undefined;
  const unsubscribe = store.subscribe((changes) => {
    const gone = changes.some(({ resource }) =>
      resource.kind === "instance" && resource.uid === uid && !isWanted(resource)
    );
    if (gone) unwanted.abort();
  });
  if (!isWanted(store.list("instance", namespace).find((i) => i.uid === uid))) unwanted.abort();
  return { signal: AbortSignal.any([signal, unwanted.signal]), [Symbol.dispose]: unsubscribe };
}
