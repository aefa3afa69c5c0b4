/**
 * The stored versions of a service: which were ready, which is live, and what is missing for a return to one.
 * Pure.
 * @module
 */
import { claimedVolumeName } from "../../model/claim_names.ts";
import { sameValue } from "../../model/changes.ts";
import { templateOf } from "../../model/instance.ts";
import { parseNameRef } from "../../model/name.ts";
import { describeKey } from "../../model/resource.ts";
import type { Service, ServiceSpec } from "../../model/service.ts";
import type { HistoryEntry, Reader } from "../../store/store.ts";
import { missingData } from "../config/data.ts";

/**
 * A stored version. Its number is the generation that began it; later scales have their own generations.
 */
export interface Revision extends HistoryEntry {
  /** All its instances were ready at some time. */
  ready: boolean;
  /** It is the current version. */
  live: boolean;
}

/** Whether two specs are the same version. The scale is ignored because it follows the load. */
export function sameVersion(a: unknown, b: unknown): boolean {
  return sameValue({ ...a as ServiceSpec, scale: 0 }, { ...b as ServiceSpec, scale: 0 });
}

/** The versions of a service, newest first. */
export function revisionsOf(service: Service, history: HistoryEntry[]): Revision[] {
  const ready = service.status.readyGenerations ?? [];
  const entries = history.filter((past) => past.generation <= service.generation)
    .sort((a, b) => b.generation - a.generation);
  return entries.map((past, i) => {
    const end = entries[i - 1]?.generation ?? Infinity;
    return { ...past, ready: ready.some((g) => g >= past.generation && g < end), live: i === 0 };
  });
}

/** The version that a generation belongs to; undefined if it is no longer stored. */
export function revisionAt(revisions: Revision[], generation: number): Revision | undefined {
  return revisions.find((past) => past.generation <= generation);
}

/**
 * A sentence that names what is missing for a return to an earlier version; undefined if nothing is known to
 * be missing. Instances would wait for it, or start with an empty volume instead of the one with data.
 */
export function missingFor(
  { generation, spec, ready }: Revision,
  { service, state }: { service: Service; state: Reader },
): string | undefined {
  const { namespace, name } = service;
  const target = spec as ServiceSpec;
  const data = missingData(state, templateOf(target), namespace);
  if (data !== undefined) return data;
  const ordinals = Array.from({ length: Math.min(target.scale, service.spec.scale) }, (_, n) => n);
  for (const mount of target.volumes) {
    const claimed = mount.claim && parseNameRef(mount.claim.name, namespace);
    const keys = claimed ? [claimed] : ready
      ? ordinals.map((ordinal) => ({
        namespace,
        name: claimedVolumeName({ mount: mount.name, service: name, ordinal }),
      }))
      : [];
    for (const key of keys) {
      const volume = state.get("volume", key.namespace, key.name);
      if (!volume) {
        return `volume ${describeKey(key)}, which generation ${generation} used, does not exist any more`;
      }
      if (volume.deletionRequestedAt !== undefined) return `volume ${describeKey(key)} is being deleted`;
    }
  }
  return undefined;
}
