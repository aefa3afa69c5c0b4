/**
 * Instances by uid. A successor takes its predecessor's name, so that a name says nothing of which instance
 * is meant; the store finds resources by name alone.
 * @module
 */
import type { Instance } from "../../model/instance.ts";
import type { NameRef } from "../../model/name.ts";
import type { Change, Store } from "../../store/store.ts";

/** See the module comment. */
export interface InstancesByUid {
  /** The instance as it is stored now. */
  find(uid: string): Instance | undefined;
  /** Follows the store no longer. */
  close(): void;
}

/** Follows the store from now on. */
export function followInstances(store: Store): InstancesByUid {
  const places = new Map<string, NameRef>();
  for (const { uid, namespace, name } of store.list("instance")) places.set(uid, { namespace, name });
  const follow = ({ type, resource: { kind, uid, namespace, name } }: Change) => {
    if (kind !== "instance") return;
    if (type === "put") places.set(uid, { namespace, name });
    // One that was renamed has left its old name, and is still there.
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
