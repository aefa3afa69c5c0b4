/** Carries out the steps of a snapshot's plan; each is idempotent. @module */
import type { SnapshotRef } from "../../drivers/driver.ts";
import { sameValue } from "../../model/changes.ts";
import { RuneError, toRuneError } from "../../model/error.ts";
import { formatBytes } from "../../model/format.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { PausedRun, Snapshot, SnapshotStatus } from "../../model/snapshot.ts";
import { describeKey } from "../../model/resource.ts";
import type { Volume } from "../../model/volume.ts";
import type { Store, Tx } from "../../store/store.ts";
import type { Clock } from "../../base/clock.ts";
import { recordEvent } from "../events.ts";
import type { Node, Nodes } from "../../node/node.ts";
import {
  describeSnapshotCall,
  findClass,
  listSecretParameters,
  type VolumeCall,
} from "../../node/volume_call.ts";
import type { MountedVolumes } from "../mounted_volumes.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { findLimitWait, listCopies } from "./limits.ts";
import { assertPaused, pauseAll, resumeAll } from "./pause_writers.ts";
import { failedStatus, type SnapshotStep, type SnapshotView, waitingStatus, withoutFailure } from "./plan.ts";
import { findWriters } from "./writers.ts";

/** The dependencies of the steps. */
export interface SnapshotDeps {
  store: Store;
  nodes: Nodes;
  mounts: Pick<MountedVolumes, "get">;
  clock: Clock;
}

interface Call {
  view: SnapshotView;
  deps: SnapshotDeps;
  node: Node;
  signal: AbortSignal;
}

/** Interval between checks of a writer that starts or stops, in milliseconds. */
const WAIT_MS = 200;

/**
 * Runs one step.
 *
 * @returns an outcome if the pass is over, or undefined to plan again.
 */
export async function applySnapshot(step: SnapshotStep, call: Call): Promise<Outcome | undefined> {
  const { view: { snapshot }, deps, node } = call;
  switch (step.do) {
    case "resume":
      return await resume(snapshot, { ...deps, node });
    case "take":
      return await take(call);
    case "remove":
      return await remove(call);
    case "settle":
      if (!sameValue(snapshot.status, step.status)) {
        await write(deps.store, snapshot, () => step.status);
        return undefined;
      }
      return step.afterMs === undefined ? DONE : { type: "again", afterMs: step.afterMs };
  }
}

const limitsOf = ({ capabilities }: SnapshotView) => capabilities?.snapshotLimits;

/** The snapshot as a driver knows it. */
export function refOf({ namespace, name, uid, status }: Snapshot): SnapshotRef {
  return {
    ...{ namespace, name, uid },
    ...(status.handle !== undefined && { handle: status.handle }),
    ...(status.retake && { retake: true }),
  };
}

/** The volume of a snapshot that was begun, for a driver's call. */
function describe(snapshot: Snapshot, { view, deps: { store }, signal }: Call): VolumeCall {
  const className = snapshot.status.origin?.storageClassName;
  return describeSnapshotCall({
    snapshot,
    volume: view.volume && findClass(view.volume, store),
    class: store.get("storageClass", "", className ?? ""),
  }, signal);
}

async function resume(
  snapshot: Snapshot,
  { store, node }: Pick<SnapshotDeps, "store"> & { node: Node },
): Promise<Outcome | undefined> {
  try {
    await release(snapshot, { store, node, runs: snapshot.status.paused ?? [] });
    return undefined;
  } catch (thrown) {
    const error = toRuneError(thrown);
    await write(store, snapshot, (status) => ({ ...status, failureMessage: error.message }));
    return { type: "failed", error };
  }
}

/**
 * Resumes the writers, then clears the record, so that a crash in between leaves no writer paused for good.
 */
async function release(
  snapshot: Snapshot,
  options: Pick<SnapshotDeps, "store"> & { node: Node; runs: PausedRun[]; takenAt?: string },
): Promise<void> {
  const { store, node, runs, takenAt } = options;
  await resumeAll(runs, { runners: node.runners, namespace: snapshot.namespace });
  await write(store, snapshot, ({ copying: _c, paused: _p, ...status }) => ({
    ...status,
    ...(takenAt !== undefined && { takenAt }),
  }));
}

/** Commits the intent to copy, or writes what the copy must wait for. */
async function begin({ view, deps }: Call): Promise<{ snapshot: Snapshot; runs: PausedRun[] } | undefined> {
  const volume = view.volume!;
  return await deps.store.transact((tx) => {
    const snapshot = findSame(tx, view.snapshot);
    if (!snapshot || snapshot.deletionRequestedAt !== undefined) return undefined;
    const current = tx.get("volume", volume.namespace, volume.name);
    if (current?.uid !== volume.uid || current.deletionRequestedAt !== undefined) return undefined;
    // Until this daemon has mounted the volume, its holders may be writing another directory.
    const held = (tx.get("lease", volume.namespace, volume.name)?.spec.holders.length ?? 0) > 0;
    if (held && !deps.mounts.get(volume.uid)) {
      const waiting = waitingStatus(snapshot.status, {
        message: `waits for volume ${describeKey(volume)} to be mounted`,
      });
      tx.update(snapshot, { status: waiting });
      return undefined;
    }
    // Another snapshot may have begun since the plan was made.
    const copies = listCopies(current, tx);
    if (findLimitWait({ ...view, snapshot, volume: current, copies, limits: limitsOf(view) })) {
      return undefined;
    }
    const quiet = snapshot.spec.pause ?? true;
    const writers = quiet ? findWriters(tx, snapshot) : { runs: [] };
    if ("waitsFor" in writers) {
      const message = `waits for ${writers.waitsFor}`;
      tx.update(snapshot, { status: waitingStatus(snapshot.status, { message }) });
      return undefined;
    }
    const { runs } = writers;
    const begun: SnapshotStatus = {
      ...withoutFailure(snapshot.status),
      state: "Creating",
      ...(quiet && { copying: true }),
      ...(runs.length > 0 && { paused: runs }),
      driver: volume.status.driver!,
      driverParameters: volume.status.driverParameters ?? {},
      origin: originOf(volume),
    };
    const updated = tx.update<"snapshot">(snapshot, { status: begun });
    return { snapshot: updated, runs };
  });
}

function originOf(
  { uid, spec, status: { ownerService } }: Volume,
): NonNullable<SnapshotStatus["origin"]> {
  const { size, accessMode, storageClassName, reclaimPolicy, snapshotPolicy } = spec;
  const ownSecrets = listSecretParameters(spec.parameters);
  return {
    ...{ uid, size, accessMode },
    ...(storageClassName !== undefined && { storageClassName }),
    ...(reclaimPolicy !== undefined && { reclaimPolicy }),
    ...(snapshotPolicy !== undefined && { snapshotPolicy }),
    ...(ownerService !== undefined && { ownerService }),
    ...(ownSecrets.length > 0 && { ownSecrets }),
  };
}

async function take(call: Call): Promise<Outcome | undefined> {
  const { view, deps, node, signal } = call;
  const { store } = deps;
  const { runners } = node;
  const begun = await begin(call);
  if (!begun) return { type: "again", afterMs: WAIT_MS };
  const { snapshot, runs } = begun;
  const started = performance.now();
  let heldMs: number | undefined;
  const letGo = async (takenAt?: string) => {
    await release(snapshot, { store, node, runs, ...(takenAt !== undefined && { takenAt }) });
    heldMs = performance.now() - started;
  };
  try {
    await pauseAll(runs, runners, signal);
    const driver = node.drivers.get(snapshot.status.driver!)!;
    let taken: { handle: string; sizeBytes: number } | undefined;
    const described = describe(snapshot, call);
    for await (const event of driver.takeSnapshot(described, refOf(snapshot))) {
      if (event.state === "taken") taken = event;
      else {
        const takenAt = new Date().toISOString();
        await assertPaused(runs, { runners, namespace: snapshot.namespace, signal });
        await letGo(takenAt);
      }
    }
    if (!taken) throw new RuneError("unavailable", "its node did not say that the snapshot was taken");
    // An earlier attempt finished the copy but was interrupted before it recorded that.
    if (heldMs === undefined) await letGo();
    await writeReady(store, snapshot, { ...taken, heldMs: runs.length > 0 ? heldMs : undefined });
    return undefined;
  } catch (thrown) {
    const error = toRuneError(thrown);
    if (heldMs === undefined) {
      const held = await resume({ ...snapshot, status: { ...snapshot.status, paused: runs } }, {
        store,
        node,
      });
      if (held) return held;
    }
    if (signal.aborted) return { type: "failed", error };
    const { message, hint, permanent } = error;
    await write(
      store,
      snapshot,
      (status) => failedStatus(status, { message, hint, permanent, now: view.now, limits: limitsOf(view) }),
      { type: "Warning", reason: "SnapshotFailed", message },
    );
    return undefined;
  }
}

async function writeReady(
  store: Store,
  snapshot: Snapshot,
  made: { handle: string; sizeBytes: number; heldMs?: number },
): Promise<void> {
  const { handle, sizeBytes, heldMs } = made;
  const { volume } = snapshot.spec.source;
  const paused = heldMs === undefined ? "" : `; its writers were paused for ${Math.ceil(heldMs)} ms`;
  await write(store, snapshot, ({ retake: _, ...status }) => ({
    ...withoutFailure(status),
    state: "Ready",
    handle,
    sizeBytes,
    takenAt: status.takenAt ?? new Date().toISOString(),
  }), {
    type: "Normal",
    reason: "SnapshotReady",
    message: `copied ${formatBytes(sizeBytes)} of volume ${volume}${paused}`,
  });
}

async function remove(call: Call): Promise<Outcome> {
  const { view, deps, node } = call;
  const { snapshot } = view;
  const { driver: name } = snapshot.status;
  try {
    // Without a driver, no copy was ever started.
    if (name !== undefined) {
      await write(deps.store, snapshot, (status) => ({ ...status, state: "Deleting" }));
      const driver = node.drivers.get(name);
      if (!driver) throw new RuneError("unavailable", `this daemon has no driver "${name}"`);
      await driver.deleteSnapshot(describe(snapshot, call), refOf(snapshot));
    }
  } catch (thrown) {
    const error = toRuneError(thrown);
    const { message, hint } = error;
    await write(deps.store, snapshot, (status) => ({
      ...status,
      failureMessage: message,
      ...(hint !== undefined && { failureHint: hint }),
    }), { type: "Warning", reason: "DeleteFailed", message });
    return { type: "failed", error };
  }
  await deps.store.transact((tx) => {
    const current = findSame(tx, snapshot);
    if (current) tx.remove(current);
  });
  return DONE;
}

/** The snapshot in the transaction, if it is still the same one. */
function findSame(tx: Tx, { namespace, name, uid }: Snapshot): Snapshot | undefined {
  const current = tx.get("snapshot", namespace, name);
  return current?.uid === uid ? current : undefined;
}

async function write(
  store: Store,
  snapshot: Snapshot,
  change: (status: SnapshotStatus) => SnapshotStatus,
  event?: { type: "Normal" | "Warning"; reason: string; message: string },
): Promise<void> {
  await store.transact((tx) => {
    const current = findSame(tx, snapshot);
    if (!current) return;
    tx.update(current, { status: change(current.status) });
    if (!event) return;
    const { namespace, annotations, spec } = current;
    recordEvent(tx, { namespace, object: current, ...event });
    // Nobody waits for a policy's snapshot, so report its failure on the volume as well.
    const uid = annotations[ANNOTATIONS.policyVolume];
    if (uid === undefined || event.type === "Normal") return;
    recordEvent(tx, { namespace, object: { kind: "volume", name: spec.source.volume, uid }, ...event });
  });
}
