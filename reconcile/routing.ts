/** Which keys a change of the store concerns. Pure; a key too many costs a pass, a key too few costs 30 seconds. @module */
import { volumeKeyOf } from "../model/claim_names.ts";
import { mountsOf } from "../model/instance.ts";
import { type AnyResource, describeKey } from "../model/resource.ts";
import type { Volume } from "../model/volume.ts";
import type { Reader } from "../store/store.ts";
import { dependsOn } from "../model/dependencies.ts";
import { seenBy } from "./instance/names.ts";
import { type DataKey, describeData, usesData } from "../model/data_uses.ts";
import { volumesMadeFrom } from "./snapshot/writers.ts";

/** Keys to enqueue, by controller. */
export interface Affected {
  services: string[];
  volumes: string[];
  /** Volumes whose snapshot policy is to be looked at. */
  schedules: string[];
  /** Uids. */
  instances: string[];
}

/** Keys of the volumes of which something is true. */
function volumesOf(store: Reader, test: (volume: Volume) => boolean): string[] {
  return store.list("volume").filter(test).map(describeKey);
}

/** Uids of instances that mount a volume and do not run: those that may be waiting for it. */
function waitingFor(store: Reader, volume: { namespace: string; name: string }): string[] {
  return store.list("instance").filter((instance) =>
    instance.status.state !== "Running" && mountsOf(instance).some((mount) => {
      const { namespace, name } = volumeKeyOf(mount, instance);
      return namespace === volume.namespace && name === volume.name;
    })
  ).map((i) => i.uid);
}

/** Uids of instances that have not run yet because of what their service, or one that it depends on, says. */
function waitingForService(store: Reader, service: { namespace: string; name: string }): string[] {
  return store.list("instance").filter(({ namespace, spec, status }) => {
    if (status.reason !== "DependencyNotReady" && status.reason !== "DependencyFailed") return false;
    const own = store.get("service", namespace, spec.service);
    if (namespace === service.namespace && spec.service === service.name) return true;
    return own !== undefined && dependsOn(own, service);
  }).map((i) => i.uid);
}

/** Uids of instances of a service that ended for good: another `restart` may have them run again. */
function endedOf(store: Reader, { uid, namespace }: { uid: string; namespace: string }): string[] {
  return store.list("instance", namespace).filter((i) =>
    i.spec.serviceUid === uid && (i.status.state === "Completed" || i.status.state === "Stopped")
  ).map((i) => i.uid);
}

/** Uids of instances that use a configmap or secret and do not run: those that may be waiting for it. */
function waitingForData(store: Reader, key: DataKey): string[] {
  return store.list("instance").filter(({ namespace, spec, status }) =>
    status.state !== "Running" && usesData(spec.template, namespace, key)
  ).map((i) => i.uid);
}

/** Keys of services with an instance that was given this configmap or secret. */
function runningWith(store: Reader, key: DataKey): string[] {
  const given = store.list("instance").filter(({ status }) =>
    status.configVersions !== undefined && Object.hasOwn(status.configVersions, describeData(key))
  );
  return [...new Set(given.map(({ namespace, spec }) => `${namespace}/${spec.service}`))];
}

/**
 * The keys that a change concerns.
 *
 * @param previous the resource before the change, when there was one.
 */
export function affectedBy(
  { resource, previous, deleted }: { resource: AnyResource; previous?: AnyResource; deleted: boolean },
  store: Reader,
): Affected {
  const out: Affected = { services: [], volumes: [], schedules: [], instances: [] };
  const key = `${resource.namespace}/${resource.name}`;
  switch (resource.kind) {
    case "service":
      if (!deleted) out.services.push(key);
      out.instances.push(...waitingForService(store, resource));
      // A cast, not a status: who is to be found across namespaces may have changed.
      if (!previous || previous.generation !== resource.generation || deleted) {
        const others = previous?.kind === "service" ? seenBy(previous, store.list("instance")) : [];
        out.instances.push(...seenBy(resource, store.list("instance")), ...others);
        out.instances.push(...endedOf(store, resource));
        // Its claim templates may name another policy.
        out.schedules.push(
          ...volumesOf(
            store,
            (v) => v.namespace === resource.namespace && v.status.ownerService === resource.name,
          ),
        );
      }
      break;
    case "instance": {
      out.instances.push(...waitingForService(store, { ...resource, name: resource.spec.service }));
      out.services.push(`${resource.namespace}/${resource.spec.service}`);
      // A status is written by the instance's own pass, which goes on until it has settled.
      const byOthers = !previous || previous.deletionRequestedAt !== resource.deletionRequestedAt ||
        previous.name !== resource.name;
      if (!deleted && byOthers) out.instances.push(resource.uid);
      break;
    }
    case "volume":
      if (!deleted) out.volumes.push(key);
      out.schedules.push(key);
      out.instances.push(...waitingFor(store, resource));
      break;
    case "lease":
      out.volumes.push(key);
      out.instances.push(...waitingFor(store, resource));
      break;
    case "snapshot": {
      const { namespace, spec } = resource;
      out.volumes.push(...volumesMadeFrom(store, resource).map(describeKey));
      const source = { namespace, name: spec.source.volume };
      out.schedules.push(describeKey(source));
      // It waits for the copy to end.
      if (store.get("volume", namespace, source.name)?.deletionRequestedAt !== undefined) {
        out.volumes.push(describeKey(source));
      }
      out.instances.push(...waitingFor(store, source));
      break;
    }
    case "configmap":
    case "secret":
      out.instances.push(...waitingForData(store, { ...resource, kind: resource.kind }));
      out.services.push(...runningWith(store, { ...resource, kind: resource.kind }));
      break;
    case "storageClass":
      out.volumes.push(...volumesOf(store, (v) => v.status.handle === undefined));
      out.schedules.push(...volumesOf(store, (v) => v.spec.storageClassName === resource.name));
      break;
    default:
      break;
  }
  return out;
}
