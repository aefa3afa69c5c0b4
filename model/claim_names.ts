/**
 * The name of a claimed volume: the volume that a claim template makes for one instance is named `<mount>-<service>-<ordinal>`. This
 * file alone makes and reads that name. Both parts may hold dashes and digits, so `a-b-c-0` may belong to mount `a` of service `b-c`
 * or to mount `a-b` of service `c`: a name is read for a given mount and service only. Pure.
 * @module
 */
import { type NameRef, parseNameRef } from "./name.ts";
import type { Instance } from "./instance.ts";
import type { VolumeMount } from "./mounts.ts";

/** The mount and the service that a claim template belongs to, by name. */
export interface ClaimOwner {
  mount: string;
  service: string;
}

/** A service as far as its mounts go. */
interface Mounting extends NameRef {
  spec: { volumes: VolumeMount[] };
}

/** A mount that stands for a volume; `ordinal` where a claim template makes it, absent for a claim by name. */
export interface MountOfVolume {
  mount: VolumeMount;
  ordinal?: number;
}

/** What the names of all volumes of a claim template begin with; a dash and the ordinal follow. */
export function claimedVolumeStem({ mount, service }: ClaimOwner): string {
  return `${mount}-${service}`;
}

/** The name of the volume that a claim template makes for one ordinal: `data-web-0`. */
export function claimedVolumeName(owner: ClaimOwner & { ordinal: number }): string {
  return `${claimedVolumeStem(owner)}-${owner.ordinal}`;
}

/** The names of all volumes of a claim template, for people: `data-web-<n>`. */
export function claimedVolumePattern(owner: ClaimOwner): string {
  return `${claimedVolumeStem(owner)}-<n>`;
}

/** Splits a name at its ordinal: `data-web` and 0 for `data-web-0`; undefined for one that no claim template makes. */
export function splitClaimedName(name: string): { stem: string; ordinal: number } | undefined {
  const dash = name.lastIndexOf("-");
  const [stem, digits] = [name.slice(0, dash), name.slice(dash + 1)];
  // `01` and `1e3` are numbers to JavaScript and ordinals to nobody.
  const isOrdinal = dash > 0 && Number.isSafeInteger(Number(digits)) && `${Number(digits)}` === digits;
  return isOrdinal ? { stem, ordinal: Number(digits) } : undefined;
}

/** The ordinal for which a claim template makes the volume of this name; undefined when it makes none of this name. */
export function claimedOrdinal(volume: string, owner: ClaimOwner): number | undefined {
  const parts = splitClaimedName(volume);
  return parts?.stem === claimedVolumeStem(owner) ? parts.ordinal : undefined;
}

/** The volume that a mount of an instance stands for: the one that it claims by name, or the one that its template makes. */
export function volumeKeyOf(
  mount: VolumeMount,
  { namespace, spec: { service, ordinal } }: Pick<Instance, "namespace" | "spec">,
): NameRef {
  return claimOf(mount, namespace) ??
    { namespace, name: claimedVolumeName({ mount: mount.name, service, ordinal }) };
}

/** The mounts of a service that stand for a volume, at whatever scale. Whose volume it is stands in its status. */
export function mountsOfVolume({ namespace, name, spec }: Mounting, volume: NameRef): MountOfVolume[] {
  return spec.volumes.flatMap((mount) => {
    const claim = claimOf(mount, namespace);
    if (claim) return claim.namespace === volume.namespace && claim.name === volume.name ? [{ mount }] : [];
    const ordinal = claimedOrdinal(volume.name, { mount: mount.name, service: name });
    return ordinal === undefined || namespace !== volume.namespace ? [] : [{ mount, ordinal }];
  });
}

/** Whether a service asks for a volume now: by name, or by a template within its scale. */
export function mountsAtScale(
  service: Mounting & { spec: { scale: number } },
  volume: NameRef,
): boolean {
  return mountsOfVolume(service, volume).some(({ ordinal }) =>
    ordinal === undefined || ordinal < service.spec.scale
  );
}

function claimOf({ claim }: VolumeMount, namespace: string): NameRef | undefined {
  return (claim && parseNameRef(claim.name, namespace)) ?? undefined;
}
