/**
 * Aborts long work for an instance when its removal is requested, so that its service does not wait.
 * @module
 */
import type { Instance } from "../../model/instance.ts";
import type { Store } from "../../store/store.ts";

/** A signal that aborts with `signal` or when the instance's removal is requested. */
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
