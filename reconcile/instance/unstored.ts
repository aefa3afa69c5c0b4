/**
 * What is known of instances and could not be stored: those who ask are told it instead of what the store
 * has.
 * @module
 */
import type { Instance, InstanceStatus } from "../../model/instance.ts";
import type { AnyResource } from "../../model/resource.ts";
import type { Store } from "../../store/store.ts";

/** See the module comment. In memory: a daemon that starts anew finds out by itself. */
export interface Unstored {
  /** Remembers a status of an instance whose write failed; forgets it when one is stored. */
  keep(uid: string, status: InstanceStatus): void;
  forget(uid: string): void;
  /** The resource as it is known to be: an instance itself, a service by its instances. */
  addUnstored<R extends AnyResource>(resource: R): R;
}

const NOT_STORED = "this is not stored yet, since nothing can be; see rune status";

/** Makes one that has nothing. */
export function createUnstored(store: Pick<Store, "list">): Unstored {
  const statuses = new Map<string, InstanceStatus>();

  function knownInstance(instance: Instance): Instance {
    const status = statuses.get(instance.uid);
    if (!status) return instance;
    const { message } = status;
    return {
      ...instance,
      status: { ...status, message: message === undefined ? NOT_STORED : `${message}; ${NOT_STORED}` },
    };
  }

  return {
    keep: (uid, status) => void statuses.set(uid, status),
    forget: (uid) => void statuses.delete(uid),
    addUnstored(resource) {
      if (statuses.size === 0) return resource;
      if (resource.kind === "instance") return knownInstance(resource) as typeof resource;
      if (resource.kind !== "service") return resource;
      const lost = store.list("instance", resource.namespace).filter((i) =>
        i.spec.serviceUid === resource.uid && i.status.ready && statuses.get(i.uid)?.ready === false
      );
      const [first] = lost;
      if (!first) return resource;
      const { status } = resource;
      const ready = Math.max(0, status.ready - lost.length);
      const message = `${first.name}: ${knownInstance(first).status.message}`;
      return { ...resource, status: { ...status, state: "Degraded", ready, message } };
    },
  };
}
