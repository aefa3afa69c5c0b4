/**
 * Statuses of instances that could not be stored. API requests get them instead of the stored ones.
 * @module
 */
import type { Instance, InstanceStatus } from "../../model/instance.ts";
import type { AnyResource } from "../../model/resource.ts";
import type { Store } from "../../store/store.ts";

/** See the module comment. They are kept in memory only; a restarted daemon observes the state again. */
export interface Unstored {
  /** Remembers a status whose write failed, until `forget`. */
  keep(uid: string, status: InstanceStatus): void;
  forget(uid: string): void;
  /**
   * Returns an instance with its unstored status, or a service with the effect of its instances' unstored
   * statuses.
   */
  addUnstored<R extends AnyResource>(resource: R): R;
}

const NOT_STORED = "this is not stored yet, since nothing can be; see rune status";

/** Starts empty. */
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
      const unready = store.list("instance", resource.namespace).filter((i) =>
        i.spec.serviceUid === resource.uid && i.status.ready && statuses.get(i.uid)?.ready === false
      );
      const [first] = unready;
      if (!first) return resource;
      const { status } = resource;
      const ready = Math.max(0, status.ready - unready.length);
      const message = `${first.name}: ${knownInstance(first).status.message}`;
      return { ...resource, status: { ...status, state: "Degraded", ready, message } };
    },
  };
}
