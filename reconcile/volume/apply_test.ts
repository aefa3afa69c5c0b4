/** Runs the steps of a volume's plan on an in-memory driver that fails or loses its answers. @module */
import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { describeVolumeCall, findClass } from "../../node/volume_call.ts";
import type { Store } from "../../store/store.ts";
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

/** Requests the deletion of the volume. */
const requestDeletion = (store: Store) =>
  store.transact((tx) =>
    void tx.update(tx.get("volume", "default", "data")!, { deletionRequestedAt: VOLUME.createdAt })
  );

Deno.test("applyVolume() deletes the volume that it created when the answer was lost", () =>
  withMemoryRoom(async ({ store, gate, volumes, deps, signal }) => {
    await keep(store, VOLUME);
    gate.loseNext("driver.provision", LOST);
    await reconcileVolume(KEY, { deps, signal });
    await requestDeletion(store);
    await reconcileVolume(KEY, { deps, signal });
    assert.deepEqual([store.get("volume", "default", "data"), volumes.volumes.size], [undefined, 0]);
  }));

Deno.test("applyVolume() deletes what a killed daemon created, also after a deletion that failed, or a wait", () =>
  withMemoryRoom(async ({ store, gate, volumes, deps, signal }) => {
    const volume = await keep(store, VOLUME);
    const readStatus = () => store.get("volume", "default", "data")!.status;
    await reconcileVolume(KEY, { deps, signal: AbortSignal.abort() });
    const call = describeVolumeCall(findClass(volume, store), signal);
    await deps.node.drivers.get("local")!.provision(call);
    assert.deepEqual([readStatus().state, readStatus().provisioningDriver], ["Provisioning", "local"]);
    await store.transact((tx) => void acquireLease(tx, VOLUME, HOLDER));
    await requestDeletion(store);
    await reconcileVolume(KEY, { deps, signal });
    assert.equal(readStatus().state, "Deleting");
    await store.transact((tx) => {
      releaseLeases(tx, HOLDER.instanceUid);
      // Nor does it need its class.
      tx.remove(tx.get("storageClass", "", "local")!);
    });
    const refused = new RuneError("failed_precondition", "the token is refused", { hint: "rotate it" });
    gate.failNext("driver.delete", refused);
    assert.equal((await reconcileVolume(KEY, { deps, signal })).type, "failed");
    assert.deepEqual([readStatus().failureMessage, readStatus().failureHint], [
      "it may have been created, and looking for it failed: the token is refused",
      "rotate it",
    ]);
    assert.equal(volumes.volumes.get(KEY)?.uid, volume.uid);
    await reconcileVolume(KEY, { deps, signal });
    assert.deepEqual([store.get("volume", "default", "data"), volumes.volumes.size], [undefined, 0]);
  }));

Deno.test("applyVolume() removes a volume without a call if none was made, or if its data is to be kept", async () => {
  const parameters = { apiToken: "secret:none/token" };
  await withMemoryRoom(async ({ store, gate, deps, signal }) => {
    await keep(store, makeVolume({ reclaimPolicy: "delete", parameters }));
    await reconcileVolume(KEY, { deps, signal });
    assert.match(store.get("volume", "default", "data")!.status.failureMessage!, /there is no secret/);
    await requestDeletion(store);
    await reconcileVolume(KEY, { deps, signal });
    assert.deepEqual([store.get("volume", "default", "data"), gate.calls], [undefined, []]);
  });
  await withMemoryRoom(async ({ store, gate, deps, signal }) => {
    await keep(store, makeVolume({ reclaimPolicy: "retain" }));
    gate.failNext("driver.provision", LOST);
    await reconcileVolume(KEY, { deps, signal });
    await requestDeletion(store);
    await reconcileVolume(KEY, { deps, signal });
    assert.deepEqual([store.get("volume", "default", "data"), gate.calls], [undefined, ["driver.provision"]]);
  });
});

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

Deno.test("applyVolume() keeps a volume attached for its driver's grace, and a mount within it needs no detach", () =>
  withMemoryRoom(async ({ store, gate, volumes, deps: { clock: _, ...others }, signal }) => {
    let now = Date.now();
    const deps = { ...others, clock: { now: () => new Date(now) } };
    const runPass = () => reconcileVolume(KEY, { deps, signal });
    const readVolume = () => store.get("volume", "default", "data")!;
    const look = () => [volumes.volumes.get(KEY)!.mounted, volumes.volumes.get(KEY)!.attached];
    const hold = () => store.transact((tx) => void acquireLease(tx, VOLUME, HOLDER));
    const letGo = () => store.transact((tx) => releaseLeases(tx, HOLDER.instanceUid));
    await keep(store, VOLUME);
    await hold();
    await runPass();
    assert.deepEqual(look(), [true, true]);

    await letGo();
    assert.deepEqual(await runPass(), { type: "again", afterMs: 60_000 });
    assert.deepEqual(look(), [false, true]);
    assert.deepEqual([readVolume().status.state, readVolume().status.boundNode], ["Available", "n1"]);
    now += 59_000;
    await hold();
    await runPass();
    assert.deepEqual(look(), [true, true]);
    assert.equal(readVolume().status.unmountedAt, undefined);
    assert.equal(gate.calls.includes("driver.detach"), false);

    await letGo();
    await runPass();
    now += 60_000;
    gate.failNext("driver.detach", new RuneError("unavailable", "pending event"));
    assert.equal((await runPass()).type, "failed");
    assert.equal(readVolume().status.failureMessage, "pending event");
    await runPass();
    assert.deepEqual(look(), [false, false]);
    const { boundNode, unmountedAt, failureMessage } = readVolume().status;
    assert.deepEqual([boundNode, unmountedAt, failureMessage], [undefined, undefined, undefined]);
  }, { capabilities: { detachGraceMs: 60_000 } }));

Deno.test("applyVolume() detaches at once what somebody asks to detach, and only once per request", () =>
  withMemoryRoom(async ({ store, gate, volumes, deps, signal }) => {
    const runPass = () => reconcileVolume(KEY, { deps, signal });
    const ask = () =>
      store.transact((tx) => {
        const annotations = { [ANNOTATIONS.detachRequestedAt]: tx.now };
        tx.update(tx.get("volume", "default", "data")!, { annotations });
      });
    const mountOnce = async () => {
      await store.transact((tx) => void acquireLease(tx, VOLUME, HOLDER));
      await runPass();
      await store.transact((tx) => releaseLeases(tx, HOLDER.instanceUid));
      await runPass();
    };
    await keep(store, VOLUME);
    await mountOnce();
    assert.equal(volumes.volumes.get(KEY)!.attached, true);
    await ask();
    await runPass();
    assert.equal(volumes.volumes.get(KEY)!.attached, false);
    await mountOnce();
    assert.equal(volumes.volumes.get(KEY)!.attached, true, "the request was about the mount before");
    assert.equal(gate.calls.filter((call) => call === "driver.detach").length, 1);
  }, { capabilities: { detachGraceMs: 60_000 } }));

Deno.test("applyVolume() says that a new device is blank until its first mount is committed, and never again", () => {
  const said: boolean[] = [];
  return withMemoryRoom(async ({ store, deps, signal }) => {
    const runPass = () => reconcileVolume(KEY, { deps, signal });
    const readVolume = () => store.get("volume", "default", "data")!;
    await keep(store, VOLUME);
    await runPass();
    assert.equal(readVolume().status.blank, true);
    const shownAt: unknown[] = [];
    const mounts = {
      ...deps.mounts,
      set: (uid: string, mounted: { path: string }) => {
        shownAt.push(readVolume().status.blank);
        deps.mounts.set(uid, mounted);
      },
    };
    for (let i = 0; i < 2; i++) {
      await store.transact((tx) => void acquireLease(tx, VOLUME, HOLDER));
      await reconcileVolume(KEY, { deps: { ...deps, mounts }, signal });
      await store.transact((tx) => releaseLeases(tx, HOLDER.instanceUid));
      await runPass();
    }
    assert.deepEqual(said, [true, false]);
    assert.deepEqual(shownAt, [undefined, undefined], "cleared before any instance may start");
  }, { capabilities: { blockDevice: true }, onMount: (_, { blank }) => said.push(blank) });
});

Deno.test("applyVolume() never says that a device is blank that may have been written since a restored backup, and deletes it", () =>
  withMemoryRoom(async ({ store, volumes, deps, signal }) => {
    // The daemon of before provisioned it after the backup.
    const volume = await keep(store, makeVolume({ reclaimPolicy: "delete" }));
    const driver = deps.node.drivers.get("local")!;
    await driver.provision(describeVolumeCall(findClass(volume, store), signal));
    await doubt(store);
    await reconcileVolume(KEY, { deps, signal });
    const { status } = store.get("volume", "default", "data")!;
    assert.deepEqual([status.state, status.blank, status.mayHoldData], ["Available", undefined, undefined]);

    const { handle: _h, driver: _d, ...rest } = status;
    await store.transact((tx) => {
      tx.update(tx.get("volume", "default", "data")!, { status: { ...rest, state: "Pending" } });
    });
    await doubt(store);
    await requestDeletion(store);
    await reconcileVolume(KEY, { deps, signal });
    assert.deepEqual([store.get("volume", "default", "data"), volumes.volumes.size], [undefined, 0]);
  }, { capabilities: { blockDevice: true } }));

/** Marks the volume as a restore does. */
const doubt = (store: Store) =>
  store.transact((tx) => {
    const volume = tx.get("volume", "default", "data")!;
    tx.update(volume, { status: { ...volume.status, mayHoldData: true } });
  });
