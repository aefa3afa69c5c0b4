import assert from "node:assert/strict";
import type { Snapshot } from "../../model/snapshot.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { okJson, volume, withServer } from "../api/server_fixture.ts";
import { removeBackupSnapshots, snapshotVolumes } from "./volume_snapshots.ts";

const { signal } = new AbortController();

Deno.test("snapshotVolumes() gives up if a snapshot waits too long or fails, and leaves none", () =>
  withServer(async ({ store, cast }) => {
    await okJson(cast([volume("v")]));
    const volumes = store.list("volume");
    const goes = (status: Partial<Snapshot["status"]>) =>
      store.transact((tx) => {
        const snapshot = tx.list("snapshot").find((s) => s.deletionRequestedAt === undefined)!;
        tx.update(snapshot, { status: { ...snapshot.status, ...status } });
      });
    const taken = assert.rejects(snapshotVolumes(store, volumes, { signal, pendingMs: 20 }), {
      code: "failed_precondition",
      message: "volume default/v cannot be copied: waits for default/web-0 to finish starting or stopping",
    });
    await goes({ failureMessage: "waits for default/web-0 to finish starting or stopping" });
    await taken;
    const failed = assert.rejects(snapshotVolumes(store, volumes, { signal }), {
      message: /cannot be copied: no room/,
    });
    await goes({ state: "Failed", failureMessage: "no room", nextAttemptAt: new Date().toISOString() });
    await failed;
    const left = new AbortController();
    const gone = assert.rejects(snapshotVolumes(store, volumes, { signal: left.signal }));
    left.abort();
    await gone;
    assert.equal(store.list("snapshot").length, 3);
    assert.ok(store.list("snapshot").every((s) => s.deletionRequestedAt !== undefined));
  }));

Deno.test("removeBackupSnapshots() removes only snapshots that an earlier daemon's backup left", () =>
  withServer(async ({ store, cast }) => {
    await okJson(cast([volume("v"), ["snapshot", { name: "mine", source: { volume: "v" } }]]));
    const taking = snapshotVolumes(store, store.list("volume"), { signal });
    await store.transact((tx) => {
      const snapshot = tx.list("snapshot").find((s) => s.annotations[ANNOTATIONS.forBackup] !== undefined)!;
      tx.update(snapshot, { status: { ...snapshot.status, state: "Ready", handle: "/h" } });
    });
    const { refs } = await taking;
    assert.equal([...refs.values()][0]!.handle, "/h");
    await removeBackupSnapshots(store);
    const going = store.list("snapshot").filter((s) => s.deletionRequestedAt !== undefined);
    assert.deepEqual(going.map(({ uid }) => uid), [...refs.values()].map(({ uid }) => uid));
  }));
