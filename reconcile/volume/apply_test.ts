/** Runs the steps of a volume's plan on an in-memory driver that fails or loses its answers. @module */
import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { acquireLease, releaseLeases } from "../leases.ts";
import { keep, withMemoryRoom } from "../testing/memory_room.ts";
import { makeVolume } from "../testing/resources.ts";
import { reconcileVolume } from "./controller.ts";

const KEY = "default/data";
const VOLUME = makeVolume({ reclaimPolicy: "delete" });
const HOLDER = { instanceUid: "i", namespace: "default", instance: "web-0", mode: "rw" as const, since: "" };
const LOST = new RuneError("unavailable", "the answer is lost");

Deno.test("applyVolume() finds the volume that it created when the answer was lost", () =>
  withMemoryRoom(async ({ store, gate, volumes, deps, signal }) => {
    await keep(store, VOLUME);
    gate.loseNext("driver.provision", LOST);
    await reconcileVolume(KEY, { deps, signal });
    const failed = store.get("volume", "default", "data")!;
    assert.equal(failed.status.state, "Failed");
    assert.equal(volumes.volumes.size, 1);
    await store.transact((tx) => {
      const { nextAttemptAt: _, ...status } = tx.get("volume", "default", "data")!.status;
      tx.update(failed, { status });
    });
    await reconcileVolume(KEY, { deps, signal });
    const { state, adopted } = store.get("volume", "default", "data")!.status;
    assert.deepEqual([state, adopted], ["Available", false]);
    assert.equal(volumes.volumes.size, 1);
  }));

Deno.test("applyVolume() records a volume's node before the mount, and unmounts after a failed mount", () =>
  withMemoryRoom(async ({ store, gate, volumes, deps, signal }) => {
    await keep(store, VOLUME);
    await reconcileVolume(KEY, { deps, signal });
    await store.transact((tx) => void acquireLease(tx, VOLUME, HOLDER));
    gate.failNext("driver.mount", new RuneError("unavailable", "no"));
    assert.equal((await reconcileVolume(KEY, { deps, signal })).type, "failed");
    const brought = store.get("volume", "default", "data")!;
    assert.deepEqual([brought.status.boundNode, brought.status.failureMessage], ["n1", "no"]);
    assert.equal(deps.mounts.get(brought.uid), undefined);
    assert.equal(volumes.volumes.get(KEY)!.attached, true);
    await store.transact((tx) => releaseLeases(tx, HOLDER.instanceUid));
    await reconcileVolume(KEY, { deps, signal });
    assert.equal(volumes.volumes.get(KEY)!.attached, false);
    assert.equal(store.get("volume", "default", "data")!.status.boundNode, undefined);
  }));

Deno.test("applyVolume() deletes data only when nobody holds it, and the row only when the data is gone", () =>
  withMemoryRoom(async ({ store, gate, volumes, deps, signal }) => {
    const volume = await keep(store, VOLUME);
    await store.transact((tx) => void acquireLease(tx, VOLUME, HOLDER));
    await reconcileVolume(KEY, { deps, signal });
    assert.equal(volumes.volumes.get(KEY)!.mounted, true);
    await store.transact((tx) =>
      void tx.update(tx.get("volume", "default", "data")!, { deletionRequestedAt: volume.createdAt })
    );
    await reconcileVolume(KEY, { deps, signal });
    assert.equal(gate.calls.includes("driver.delete"), false);
    await store.transact((tx) => releaseLeases(tx, HOLDER.instanceUid));
    gate.failNext("driver.delete", new RuneError("unavailable", "no"));
    assert.equal((await reconcileVolume(KEY, { deps, signal })).type, "failed");
    assert.equal(store.get("volume", "default", "data")?.status.state, "Deleting");
    await reconcileVolume(KEY, { deps, signal });
    assert.equal(store.get("volume", "default", "data"), undefined);
    assert.equal(volumes.volumes.size, 0);
  }));
