/** Rules of a volume that begins with a snapshot's data. @module */
import type { DeclaredSpec } from "../../model/declared.ts";
import type { FieldIssue } from "../../model/error.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { didYouMean } from "../../model/suggest.ts";
import type { Volume, VolumeSpec } from "../../model/volume.ts";
import { readVolumeSource } from "../../model/volume_source.ts";
import type { Reader } from "../../store/store.ts";
import { seenBy } from "../auth/visibility.ts";
import type { World } from "./world.ts";

/** The source of a volume: pinned at the first write, so that leaving it out later means what it was made from. */
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

/** What is wrong with the source of a volume that is to be made. One that is not Ready yet is waited for. */
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
        "see rune snapshot list -A; a snapshot of another namespace is named with its namespace",
    );
  }
  if (snapshot.deletionRequestedAt !== undefined) {
    return refuse(`snapshot ${namespace}/${name} is being deleted`, "restore another one");
  }
  const madeBy = driverOf(snapshot, world);
  if (madeBy === undefined || madeBy === driver) return [];
  return refuse(
    `snapshot ${namespace}/${name} was made by the driver ${madeBy}, and storage class ${spec.storageClassName} uses ${driver}`,
    `name a class of the driver ${madeBy}`,
  );
}

/**
 * The service whose volume it becomes again: where it takes the place of the very volume that its snapshot was taken of, and a
 * claim template had made that.
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

/** The driver that has the snapshot, or will have it. */
function driverOf({ namespace, spec, status }: Snapshot, { state }: World): string | undefined {
  if (status.driver !== undefined) return status.driver;
  const volume = state.get("volume", namespace, spec.source.volume);
  return volume?.status.driver ??
    state.get("storageClass", "", volume?.spec.storageClassName ?? "")?.spec.driver;
}
