import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { acquireLease, releaseLeases } from "../leases.ts";
import { keep, withMemoryRoom } from "../testing/memory_room.ts";
import { makeProvisionedVolume, makeVolume, NOW } from "../testing/resources.ts";
import { reconcileVolume } from "./controller.ts";
import { noteGrowth } from "./growth.ts";

const KEY = "default/data";
const HOLDER = { instanceUid: "i", namespace: "default", instance: "web-0", mode: "rw" as const, since: "" };
const REFUSED = "resize2fs: Permission denied to resize filesystem";

Deno.test("noteGrowth() says when a filesystem grows, since when it waits, and nothing once it has grown", () => {
  const volume = makeProvisionedVolume();
  const waits = { growth: { growsLater: REFUSED }, holders: [HOLDER], now: NOW };
  const conditions = noteGrowth(volume, waits);
  assert.deepEqual(conditions.map(({ message: _, ...condition }) => condition), [
    { type: "Grown", value: false, reason: "NextMount", since: NOW.toISOString() },
  ]);
  assert.match(
    conditions[0]!.message!,
    /at the next mount, when default\/web-0 has let go of it: resize2fs:/,
  );
  const waiting = { ...volume, status: { ...volume.status, conditions } };
  assert.deepEqual(noteGrowth(waiting, { ...waits, now: new Date(NOW.getTime() + 5000) }), conditions);
  assert.deepEqual(noteGrowth(waiting, { ...waits, growth: {} }), []);
});

Deno.test("reconcileVolume() shows growth that waits for the next mount, also after a restart, until then", () =>
  withMemoryRoom(async ({ store, volumes, deps, signal }) => {
    const readVolume = () => store.get("volume", "default", "data")!;
    const reasons = () => readVolume().status.conditions.map(({ reason }) => reason);
    volumes.growsLater = REFUSED;
    const volume = await keep(store, makeVolume());
    await store.transact((tx) => void acquireLease(tx, volume, HOLDER));
    await reconcileVolume(KEY, { deps, signal });
    const larger = makeVolume({ size: "2Gi" }).spec;
    await store.transact((tx) => void tx.update(readVolume(), { spec: larger }));
    await reconcileVolume(KEY, { deps, signal });
    assert.deepEqual([readVolume().status.sizeBytes, reasons()], [2 * 2 ** 30, ["NextMount"]]);

    // The next daemon finds it mounted.
    deps.mounts.delete(volume.uid);
    await reconcileVolume(KEY, { deps, signal });
    assert.deepEqual(reasons(), ["NextMount"]);

    await store.transact((tx) => releaseLeases(tx, HOLDER.instanceUid));
    await reconcileVolume(KEY, { deps, signal });
    assert.deepEqual(reasons(), []);
    await store.transact((tx) => void acquireLease(tx, volume, HOLDER));
    await reconcileVolume(KEY, { deps, signal });
    assert.deepEqual([readVolume().status.state, reasons()], ["Bound", []]);
    assert.equal(volumes.volumes.get(KEY)!.filesystemBytes, 2 * 2 ** 30);
  }));

for (const onlineExpand of [true, false]) {
  const kind = onlineExpand ? "online" : "offline";
  Deno.test(`reconcileVolume() mounts a volume whose growth is refused, where it grows ${kind}`, () =>
    withMemoryRoom(async ({ store, gate, deps, signal }) => {
      const readStatus = () => store.get("volume", "default", "data")!.status;
      const reasons = () => readStatus().conditions.map(({ reason }) => reason);
      const volume = await keep(store, makeVolume());
      await reconcileVolume(KEY, { deps, signal });
      const larger = makeVolume({ size: "2Gi" }).spec;
      await store.transact((tx) => {
        tx.update(tx.get("volume", "default", "data")!, { spec: larger });
        acquireLease(tx, volume, HOLDER);
      });
      gate.failNext("driver.expand", new RuneError("failed_precondition", "the quota is used up"));
      assert.equal((await reconcileVolume(KEY, { deps, signal })).type, "failed");
      assert.deepEqual(reasons(), ["GrowthFailed"]);
      assert.equal(readStatus().failureMessage, "the quota is used up");
      if (!onlineExpand) {
        assert.equal(readStatus().boundNode, undefined);
        await reconcileVolume(KEY, { deps, signal });
      }
      assert.ok(deps.mounts.get(volume.uid));
      assert.equal(readStatus().sizeBytes, 2 ** 30);
      assert.deepEqual([readStatus().state, readStatus().boundClaim], ["Bound", "default/web-0"]);

      if (!onlineExpand) await store.transact((tx) => releaseLeases(tx, HOLDER.instanceUid));
      await reconcileVolume(KEY, { deps, signal });
      assert.deepEqual([readStatus().sizeBytes, readStatus().failureMessage, reasons()], [
        2 * 2 ** 30,
        undefined,
        [],
      ]);
    }, { capabilities: { onlineExpand } }));
}
