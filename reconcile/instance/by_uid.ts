/**
 * Finds instances by uid. A successor takes its predecessor's name, so a name does not identify an instance,
 * but the store finds resources only by name.
 * @module
 */
import type { Instance } from "../../model/instance.ts";
import type { NameRef } from "../../model/name.ts";
import type { Change, Store } from "../../store/store.ts";

/** See the module comment. */
export interface InstancesByUid {
  /** The stored instance. */
  find(uid: string): Instance | undefined;
  /** Stops following the store. */
  close(): void;
}

/** Starts following the store. */
export function followInstances(store: Store): InstancesByUid {
  const places = new Map<string, NameRef>();
  for (const { uid, namespace, name } of store.list("instance")) places.set(uid, { namespace, name });
  const follow = ({ type, resource: { kind, uid, namespace, name } }: Change) => {
    if (kind !== "instance") return;
    if (type === "put") places.set(uid, { namespace, name });
    // A renamed instance left its old name but still exists.
    else if (places.get(uid)?.name === name) places.delete(uid);
  };
  const close = store.subscribe((changes) => changes.forEach(follow));
  return {
    find(uid) {
      const place = places.get(uid);
      const instance = place && store.get("instance", place.namespace, place.name);
      return instance?.uid === uid ? instance : undefined;
    },
    close,
  };
}
