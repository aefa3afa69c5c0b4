/** What wakes an instance: its run, its probes, and anything it may be waiting for. Pure. @module */
import { volumeKeyOf } from "../../model/claim_names.ts";
import { type DataKey, usesData } from "../../model/data_uses.ts";
import { dependsOn } from "../../model/dependencies.ts";
import { type Instance, mountsOf } from "../../model/instance.ts";
import type { NameRef } from "../../model/name.ts";
import type { Reader } from "../../store/store.ts";
import { beginsToLeave, type Watches } from "../news.ts";
import { seenBy } from "./names.ts";

/** Uids of the instances that pass a test. */
function uidsOf(state: Reader, test: (instance: Instance) => boolean): string[] {
  return state.list("instance").filter(test).map(({ uid }) => uid);
}

/** Instances that mount a volume and do not run, so they may be waiting for it. */
function waitingFor(state: Reader, volume: NameRef): string[] {
  return uidsOf(
    state,
    (instance) =>
      instance.status.state !== "Running" && mountsOf(instance).some((mount) => {
        const { namespace, name } = volumeKeyOf(mount, instance);
        return namespace === volume.namespace && name === volume.name;
      }),
  );
}

/** Instances that may be waiting for their service or one of its dependencies. */
function waitingForService(state: Reader, service: NameRef): string[] {
  return uidsOf(state, ({ namespace, spec, status }) => {
    if (status.reason !== "DependencyNotReady" && status.reason !== "DependencyFailed") return false;
    const own = state.get("service", namespace, spec.service);
    if (namespace === service.namespace && spec.service === service.name) return true;
    return own !== undefined && dependsOn(own, service);
  });
}

/** Instances of a service that ended for good; a changed `restart` may start them again. */
function endedOf(state: Reader, { uid, namespace }: { uid: string; namespace: string }): string[] {
  return uidsOf(state, (i) =>
    i.namespace === namespace && i.spec.serviceUid === uid &&
    (i.status.state === "Completed" || i.status.state === "Stopped"));
}

/** Instances that use a configmap or secret and do not run, so they may be waiting for it. */
function waitingForData(state: Reader, key: DataKey): string[] {
  return uidsOf(
    state,
    ({ namespace, spec, status }) => status.state !== "Running" && usesData(spec.template, namespace, key),
  );
}

/** Keys are uids, because a successor takes its predecessor's name. */
export const INSTANCE_WATCHES: Watches = {
  round: (_, state) => uidsOf(state, () => true),
  run: ({ instanceUid }) => [instanceUid],
  outage: ({ runner }, state) => uidsOf(state, ({ spec }) => spec.runner === runner),
  probe: ({ instanceUid }) => [instanceUid],
  mounted({ volumeUid }, state) {
    const volume = state.list("volume").find(({ uid }) => uid === volumeUid);
    return volume ? waitingFor(state, volume) : [];
  },
  instance({ resource, previous, deleted }, state) {
    // Ignore status changes: the instance's own pass writes them, and continues until it settles.
    const byOthers = !previous || previous.deletionRequestedAt !== resource.deletionRequestedAt ||
      previous.name !== resource.name;
    const waiting = waitingForService(state, { ...resource, name: resource.spec.service });
    // For a removed instance, the next pass drops its in-memory state.
    return deleted || byOthers ? [...waiting, resource.uid] : waiting;
  },
  service({ resource, previous, deleted }, state) {
    const waiting = waitingForService(state, resource);
    if (previous?.generation === resource.generation && !deleted) return waiting;
    // Only a cast matters: it may change which names are needed across namespaces.
    const instances = state.list("instance");
    return [
      ...waiting,
      ...seenBy(resource, instances),
      ...previous ? seenBy(previous, instances) : [],
      ...endedOf(state, resource),
    ];
  },
  volume: ({ resource }, state) => waitingFor(state, resource),
  lease: ({ resource }, state) => waitingFor(state, resource),
  snapshot: ({ resource: { namespace, spec } }, state) =>
    waitingFor(state, { namespace, name: spec.source.volume }),
  configmap: ({ resource }, state) => waitingForData(state, resource),
  secret: ({ resource }, state) => waitingForData(state, resource),
};

/** A launch that waits, for example for an image, must not delay the removal of its instance. */
export const INSTANCE_INTERRUPTS: Watches = {
  instance: (news) => beginsToLeave(news) ? [news.resource.uid] : [],
};
