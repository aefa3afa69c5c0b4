/**
 * Names of claimed volumes. The volume that a claim template makes for an instance is named
 * `<mount>-<service>-<ordinal>`, and only this file builds or parses that name. Both parts may hold dashes
 * and digits, so `a-b-c-0` may belong to mount `a` of service `b-c` or to mount `a-b` of service `c`. A name
 * is therefore parsed only for a given mount and service. Pure.
 * @module
 */
import { type NameRef, parseNameRef } from "./name.ts";
import type { Instance } from "./instance.ts";
import type { VolumeMount } from "./mounts.ts";

/** The mount and the service of a claim template, by name. */
export interface ClaimOwner {
  mount: string;
  service: string;
}

/** The parts of a service that mounts depend on. */
interface Mounting extends NameRef {
  spec: { volumes: VolumeMount[] };
}

/** A mount that uses a volume. `ordinal` is set if a claim template makes the volume. */
export interface MountOfVolume {
  mount: VolumeMount;
  ordinal?: number;
}

/** The common prefix of the names of a claim template's volumes; a dash and the ordinal follow. */
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

/**
 * Splits a name before its ordinal: `data-web-0` into `data-web` and 0. Returns undefined if no claim
 * template makes such a name.
 */
export function splitClaimedName(name: string): { stem: string; ordinal: number } | undefined {
  const dash = name.lastIndexOf("-");
  const [stem, digits] = [name.slice(0, dash), name.slice(dash + 1)];
  // JavaScript also reads `01` and `1e3` as numbers.
  const isOrdinal = dash > 0 && Number.isSafeInteger(Number(digits)) && `${Number(digits)}` === digits;
  return isOrdinal ? { stem, ordinal: Number(digits) } : undefined;
}

/** The ordinal for which a claim template makes the volume with this name, or undefined. */
export function claimedOrdinal(volume: string, owner: ClaimOwner): number | undefined {
  const parts = splitClaimedName(volume);
  return parts?.stem === claimedVolumeStem(owner) ? parts.ordinal : undefined;
}

/** The volume that a mount of an instance uses: the claimed one, or the one that its template makes. */
export function volumeKeyOf(
  mount: VolumeMount,
  { namespace, spec: { service, ordinal } }: Pick<Instance, "namespace" | "spec">,
): NameRef {
  return claimOf(mount, namespace) ??
    { namespace, name: claimedVolumeName({ mount: mount.name, service, ordinal }) };
}

/**
 * The mounts of a service that may use a volume, at any scale. The volume's status says which service owns
 * it.
 */
export function mountsOfVolume({ namespace, name, spec }: Mounting, volume: NameRef): MountOfVolume[] {
  return spec.volumes.flatMap((mount) => {
    const claim = claimOf(mount, namespace);
    if (claim) return claim.namespace === volume.namespace && claim.name === volume.name ? [{ mount }] : [];
    const ordinal = claimedOrdinal(volume.name, { mount: mount.name, service: name });
    return ordinal === undefined || namespace !== volume.namespace ? [] : [{ mount, ordinal }];
  });
}

/** Whether a service uses a volume at its current scale. */
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
