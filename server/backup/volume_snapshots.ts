/**
 * Takes snapshots of volumes for a backup, so that their data is consistent while writers continue. They are
 * ordinary snapshots: the controllers pause, copy and clean up as always. An annotation marks them, so that
 * the next daemon can remove those of a daemon that was killed.
 * @module
 */
import { startTimer } from "../../base/delay.ts";
import type { SnapshotRef } from "../../drivers/driver.ts";
import { RuneError } from "../../model/error.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { describeKey } from "../../model/resource.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Volume } from "../../model/volume.ts";
import type { Store, Tx } from "../../store/store.ts";
import { makeInitialState } from "../admission/initial_state.ts";
import { markAuthorized } from "../auth/write_permits.ts";

/** Snapshots for a backup, by the uid of their volume. */
export interface VolumeSnapshots {
  refs: ReadonlyMap<string, SnapshotRef>;
  /** Requests their removal, which the controllers carry out. */
  remove(): Promise<void>;
}

/** How long a snapshot may wait for writers that start or stop. The copy itself has no time limit. */
const PENDING_MS = 60_000;

/**
 * Takes a snapshot of each volume, and waits until all are ready.
 *
 * @param options.pendingMs default 60 s.
 * @throws {RuneError} `failed_precondition` if one cannot be taken, `not_found` if its volume was deleted.
 * Then none is left.
 */
export async function snapshotVolumes(
  store: Store,
  volumes: Volume[],
  { signal, pendingMs = PENDING_MS }: { signal: AbortSignal; pendingMs?: number },
): Promise<VolumeSnapshots> {
  const made = await store.transact((tx) => volumes.map((volume) => create(tx, volume)));
  const remove = () =>
    store.transact((tx) => {
      for (const snapshot of made) requestRemoval(tx, snapshot);
    });
  try {
    const ready = await Promise.all(
      made.map((snapshot) => whenReady(store, snapshot, { signal, pendingMs })),
    );
    return { refs: new Map(ready.map((ref, i) => [volumes[i]!.uid, ref])), remove };
  } catch (error) {
    await remove().catch(() => {});
    throw error;
  }
}

/** Removes snapshots that backups of an earlier daemon left. */
export async function removeBackupSnapshots(store: Store): Promise<void> {
  await store.transact((tx) => {
    for (const snapshot of tx.list("snapshot")) {
      if (snapshot.annotations[ANNOTATIONS.forBackup] !== undefined) requestRemoval(tx, snapshot);
    }
  });
}

function create(tx: Tx, { namespace, name, uid }: Volume): Snapshot {
  const volume = tx.get("volume", namespace, name);
  if (volume?.uid !== uid) {
    throw new RuneError(
      "not_found",
      `volume ${describeKey({ namespace, name })} was deleted in the meantime`,
    );
  }
  const spec = { source: { volume: name } };
  const key = { kind: "snapshot", namespace, name: `backup-${crypto.randomUUID()}` } as const;
  // The route of backups requires `create snapshots` for each volume (server/auth/parameters.ts).
  markAuthorized(tx, key);
  return tx.create({
    ...key,
    annotations: { [ANNOTATIONS.forBackup]: tx.now },
    spec,
    ...makeInitialState("snapshot", spec),
  });
}

function requestRemoval(tx: Tx, { namespace, name, uid }: Snapshot): void {
  const current = tx.get("snapshot", namespace, name);
  if (current?.uid !== uid || current.deletionRequestedAt !== undefined) return;
  tx.update(current, { deletionRequestedAt: tx.now });
}

/** Resolves when the snapshot is ready. Gives up after the first failed attempt, or if it waits too long. */
async function whenReady(
  store: Store,
  { namespace, name, uid }: Snapshot,
  { signal, pendingMs }: { signal: AbortSignal; pendingMs: number },
): Promise<SnapshotRef> {
  let late = false;
  const look = (): SnapshotRef | undefined => {
    const snapshot = store.get("snapshot", namespace, name);
    if (snapshot?.uid !== uid) {
      throw new RuneError("conflict", `somebody deleted the backup's snapshot ${name}`);
    }
    const { state, handle, failureMessage, failureHint } = snapshot.status;
    if (state === "Ready") return { namespace, name, uid, ...(handle !== undefined && { handle }) };
    if (state !== "Failed" && !(late && state === "Pending")) return undefined;
    throw new RuneError(
      "failed_precondition",
      `volume ${namespace}/${snapshot.spec.source.volume} cannot be copied: ${
        failureMessage ?? "it takes too long"
      }`,
      { hint: failureHint ?? "leave it out, or copy its live files with --no-snapshots" },
    );
  };
  const { promise, resolve, reject } = Promise.withResolvers<SnapshotRef>();
  const check = () => {
    try {
      signal.throwIfAborted();
      const ref = look();
      if (ref) resolve(ref);
    } catch (error) {
      reject(error);
    }
  };
  const unsubscribe = store.subscribe(check);
  signal.addEventListener("abort", check);
  const timer = startTimer(pendingMs, () => {
    late = true;

    check();
  });
  try {
    check();
    return await promise;
  } finally {
    timer.clear();
    unsubscribe();
    signal.removeEventListener("abort", check);
  }
}
