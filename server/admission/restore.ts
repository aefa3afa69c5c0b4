/** Rules of volumes that are restored from a snapshot. @module */
import type { DeclaredSpec } from "../../model/declared.ts";
import type { FieldIssue } from "../../model/error.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { didYouMean } from "../../model/suggest.ts";
import type { Volume, VolumeSpec } from "../../model/volume.ts";
import { readVolumeSource } from "../../model/volume_source.ts";
import type { Reader } from "../../store/store.ts";
import { seenBy } from "../auth/visibility.ts";
import type { World } from "./world.ts";

/** The source of a volume. The first write pins it, so a later write may leave it out. */
export function sourceOf(
  declared: { namespace: string; spec: Pick<DeclaredSpec<"volume">, "source"> },
  before: Volume | undefined,
): { source?: NonNullable<VolumeSpec["source"]> } {
  const { source } = declared.spec;
  if (source) {
    return { source: { snapshot: source.snapshot, namespace: source.namespace ?? declared.namespace } };
  }
  return before?.spec.source ? { source: before.spec.source } : {};
}

/**
 * Checks the source of a new volume. A snapshot that is not Ready yet is accepted; the controller waits for
 * it.
 */
export function checkSource(
  { spec, driver }: { spec: VolumeSpec; driver: string },
  world: World,
): FieldIssue[] {
  const source = readVolumeSource({ spec });
  if (!source) return [];
  const { name, namespace } = source;
  const refuse = (message: string, hint?: string): FieldIssue[] => [{
    path: ["source", "snapshot"],
    message,
    ...(hint !== undefined && { hint }),
  }];
  const snapshot = world.state.get("snapshot", namespace, name);
  if (!snapshot) {
    const names = seenBy(world.viewer, "snapshot", world.state.list("snapshot", namespace)).map((s) =>
      s.name
    );
    return refuse(
      `there is no snapshot ${namespace}/${name}`,
      didYouMean(name, names) ??
        "see rune snapshot list -A; for a snapshot of another namespace, set source.namespace",
    );
  }
  if (snapshot.deletionRequestedAt !== undefined) {
    return refuse(`snapshot ${namespace}/${name} is being deleted`, "restore another one");
  }
  const madeBy = driverOf(snapshot, world);
  if (madeBy === undefined || madeBy === driver) return [];
  return refuse(
    `snapshot ${namespace}/${name} has the driver ${madeBy}, but storage class ${spec.storageClassName} uses ${driver}`,
    `choose a class that uses the driver ${madeBy}`,
  );
}

/**
 * The service that owns a restored volume: if it has the name of the volume that the snapshot was taken of,
 * and a claim template of a service had created that volume.
 */
export function ownerOfRestored(
  { namespace, name }: { namespace: string; name: string },
  spec: Pick<VolumeSpec, "source">,
  state: Reader,
): string | undefined {
  const source = readVolumeSource({ spec });
  if (source?.namespace !== namespace) return undefined;
  const snapshot = state.get("snapshot", namespace, source.name);
  return snapshot?.spec.source.volume === name ? snapshot.status.origin?.ownerService : undefined;
}

/** The driver of a snapshot that exists or is about to. */
function driverOf({ namespace, spec, status }: Snapshot, { state }: World): string | undefined {
  if (status.driver !== undefined) return status.driver;
  const volume = state.get("volume", namespace, spec.source.volume);
  return volume?.status.driver ??
    state.get("storageClass", "", volume?.spec.storageClassName ?? "")?.spec.driver;
}
