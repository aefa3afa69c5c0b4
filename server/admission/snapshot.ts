/** Rules of snapshots: which volumes they can be taken of, and that they never change. @module */
import type { DeclaredSpec } from "../../model/declared.ts";
import { describeFull, FULL_HINT, isFull, listCopies } from "../../reconcile/snapshot/limits.ts";
import { restoredInto } from "../../reconcile/snapshot/writers.ts";
import { type FieldIssue, RuneError } from "../../model/error.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { describeKey } from "../../model/resource.ts";
import type { Snapshot, SnapshotSpec } from "../../model/snapshot.ts";
import { didYouMean } from "../../model/suggest.ts";
import type { Volume } from "../../model/volume.ts";
import type { Reader } from "../../store/store.ts";
import { nameTo, seenBy, type Viewer } from "../auth/visibility.ts";
import type { JudgingDriver, Verdict, World } from "./world.ts";

/** Checks a snapshot. An accepted snapshot stays accepted, even if its volume is gone. */
export function admitSnapshot(
  declared: { namespace: string; name: string; spec: DeclaredSpec<"snapshot"> },
  world: World,
): Verdict<SnapshotSpec> {
  const before = world.state.get("snapshot", declared.namespace, declared.name);
  const pause = declared.spec.pause ?? before?.spec.pause;
  const spec: SnapshotSpec = { source: declared.spec.source, ...(pause !== undefined && { pause }) };
  return { spec, issues: before ? checkChange(before.spec, spec) : checkSource(declared, world) };
}

function checkChange(before: SnapshotSpec, after: SnapshotSpec): FieldIssue[] {
  const hint = "a snapshot cannot be changed; take another one with another name";
  const issues: FieldIssue[] = [];
  if (before.source.volume !== after.source.volume) {
    const change = `from ${before.source.volume} to ${after.source.volume}`;
    issues.push({ path: ["source", "volume"], message: `cannot change ${change} on a snapshot`, hint });
  }
  if ((before.pause ?? true) !== (after.pause ?? true)) {
    issues.push({ path: ["pause"], message: "cannot change on a snapshot", hint });
  }
  return issues;
}

function checkSource(
  { namespace, spec }: { namespace: string; spec: DeclaredSpec<"snapshot"> },
  world: World,
): FieldIssue[] {
  const refuse = (message: string, hint?: string): FieldIssue[] => [{
    path: ["source", "volume"],
    message,
    ...(hint !== undefined && { hint }),
  }];
  const name = spec.source.volume;
  const volume = world.state.get("volume", namespace, name);
  if (!volume) {
    // The same cast declares the volume, and reports its issue there.
    if (world.declaredVolumes?.has(`${namespace}/${name}`)) return [];
    const names = seenBy(world.viewer, "volume", world.state.list("volume", namespace)).map((v) => v.name);
    return refuse(
      `there is no volume ${namespace}/${name}`,
      didYouMean(name, names) ??
        `see rune volume list -n ${namespace}; a snapshot must be in its volume's namespace`,
    );
  }
  if (volume.deletionRequestedAt !== undefined) {
    return refuse(`volume ${describeKey(volume)} is being deleted`, "choose another volume");
  }
  const driver = driverOf(volume, world);
  if (typeof driver === "string") {
    return refuse(`volume ${describeKey(volume)} cannot be copied: ${driver}`);
  }
  const { snapshots, snapshotLimits: limits } = driver.capabilities;
  if (limits && isFull({ copies: listCopies(volume, world.state), limits })) {
    return refuse(describeFull(volume, limits.mostPerVolume), FULL_HINT);
  }
  if (snapshots) return [];
  return refuse(
    `volume ${describeKey(volume)} uses the driver ${driver.name}, which takes no snapshots`,
    "copy its directory with another tool, or keep the data on a volume whose driver takes snapshots",
  );
}

/** The driver of a stored volume, or the reason why there is none. */
function driverOf(volume: Volume, { state, drivers }: World): JudgingDriver | string {
  const className = volume.spec.storageClassName ?? "";
  const name = volume.status.driver ?? state.get("storageClass", "", className)?.spec.driver;
  if (name === undefined) return `storage class ${className} does not exist`;
  return drivers.get(name) ?? `this daemon has no driver "${name}"`;
}

/**
 * Checks whether a snapshot may be deleted.
 *
 * @throws {RuneError} `conflict` that names the volume that is being restored from it.
 */
export function checkSnapshotDeletion(
  snapshot: Snapshot,
  { state, viewer }: { state: Reader; viewer: Viewer },
): void {
  const needs = restoredInto(state, snapshot);
  if (!needs) return;
  throw new RuneError(
    "conflict",
    `snapshot ${describeKey(snapshot)} is being restored into ${nameTo(viewer, "volume", needs)}`,
    { hint: "wait until that volume is Available, or delete it first" },
  );
}

/**
 * Checks whether the snapshots of a volume permit its deletion. Ready snapshots no longer need the volume,
 * and a snapshot that its policy started is abandoned with it.
 *
 * @throws {RuneError} `conflict` that names the snapshot that is being taken.
 */
export function checkVolumeSnapshots(
  volume: Volume,
  { state, viewer }: { state: Reader; viewer: Viewer },
): void {
  const taking = state.list("snapshot", volume.namespace).find((s) =>
    s.spec.source.volume === volume.name && s.deletionRequestedAt === undefined &&
    !(ANNOTATIONS.policyVolume in s.annotations) &&
    (s.status.state === "Pending" || s.status.state === "Creating" || s.status.nextAttemptAt !== undefined)
  );
  if (!taking) return;
  throw new RuneError(
    "conflict",
    `${nameTo(viewer, "snapshot", taking)} of volume ${describeKey(volume)} is being taken`,
    { hint: "wait until it is Ready, or delete it first" },
  );
}
