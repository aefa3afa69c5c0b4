/** Which volumes a service's mounts stand for. @module */
import type { Instance } from "../../model/instance.ts";
import type { VolumeMount } from "../../model/mounts.ts";
import { parseNameRef } from "../../model/name.ts";
import type { Service } from "../../model/service.ts";
import type { Volume } from "../../model/volume.ts";

/** `<mount>-<service>-<ordinal>`: the volume that a claim template makes (SPEC 4.2). */
export function claimedVolumeName(
  mount: Pick<VolumeMount, "name">,
  owner: { service: string; ordinal: number },
): string {
  return `${mount.name}-${owner.service}-${owner.ordinal}`;
}

/** The volume that a mount of an instance stands for. */
export function volumeKeyOf(
  mount: VolumeMount,
  { namespace, spec }: Pick<Instance, "namespace" | "spec">,
): { namespace: string; name: string } {
  const claimed = mount.claim && parseNameRef(mount.claim.name, namespace);
  return claimed ?? { namespace, name: claimedVolumeName(mount, spec) };
}

/** Whether a service claims this volume by name (not by template). */
export function claims(service: Service, volume: Pick<Volume, "namespace" | "name">): boolean {
  return service.spec.volumes.some((mount) => {
    const ref = mount.claim && parseNameRef(mount.claim.name, service.namespace);
    return ref && ref.namespace === volume.namespace && ref.name === volume.name;
  });
}

/** Whether a service's claim templates made this volume. */
export function owns(service: Service, volume: Pick<Volume, "namespace" | "status">): boolean {
  return volume.namespace === service.namespace && volume.status.ownerService === service.name;
}
