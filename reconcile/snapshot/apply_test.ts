/**
 * Runs the steps of a snapshot's plan with in-memory writers and a driver that fails in the middle.
 * @module
 */
import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { acquireLease } from "../leases.ts";
import { keep, type MemoryRoom, withMemoryRoom } from "../testing/memory_room.ts";
import { makeInstance, makeService, makeSnapshot, makeVolume } from "../testing/resources.ts";
import { reconcileVolume } from "../volume/controller.ts";
import { refOf } from "./apply.ts";
import { reconcileSnapshot } from "./controller.ts";

const KEY = "default/snap";

/** A volume with a running writer, and a requested snapshot of it. */
async function prepare({ store, runner, deps, signal }: MemoryRoom) {
  await keep(store, makeVolume({ reclaimPolicy: "delete" }));
  const service = await keep(store, makeService());
  const instance = await keep(store, makeInstance(service, 0));
  const holder = {
    instanceUid: instance.uid,
    namespace: "default",
    instance: instance.name,
    mode: "rw" as const,
    since: "",
  };
  await store.transact((tx) => void acquireLease(tx, { namespace: "default", name: "data" }, holder));
  await reconcileVolume("default/data", { deps, signal });
  const ref = { instanceUid: instance.uid, run: 1 };
  await runner.create({
    ...ref,
    namespace: "default",
    service: "web",
    instance: instance.name,
    generation: 1,
    specHash: "0",
    image: "memory:1",
    env: {},
    mounts: [],
    aliases: [],
    publish: [],
  }, signal);
  await runner.start(ref, signal);
  await keep(store, makeSnapshot());
  return ref;
}

Deno.test("applySnapshot() says that a restored snapshot must be taken anew, until it is Ready", () =>
  withMemoryRoom(async (room) => {
    await prepare(room);
    await room.store.transact((tx) => {
      const snapshot = tx.get("snapshot", "default", "snap")!;
      tx.update(snapshot, { status: { ...snapshot.status, retake: true } });
    });
    room.gate.failNext("driver.snapshot", new RuneError("unavailable", "no"));
    await reconcileSnapshot(KEY, room);
    const failed = room.store.get("snapshot", "default", "snap")!;
    assert.deepEqual([failed.status.state, refOf(failed).retake], ["Failed", true]);
    await room.store.transact((tx) => {
      const status = { ...failed.status, nextAttemptAt: failed.createdAt };
      tx.update(tx.get("snapshot", "default", "snap")!, { status });
    });
    await reconcileSnapshot(KEY, room);
    const ready = room.store.get("snapshot", "default", "snap")!;
    assert.deepEqual([ready.status.state, refOf(ready).retake], ["Ready", undefined]);
  }));

const statusOf = ({ store }: MemoryRoom) => store.get("snapshot", "default", "snap")!.status;

Deno.test("applySnapshot() records the writers before it pauses them, and resumes them before the snapshot is Ready", () =>
  withMemoryRoom(async (room) => {
    const ref = await prepare(room);
    const copying = Promise.withResolvers<void>();
    room.gate.delayNext("driver.copy", copying.promise);
    const pass = reconcileSnapshot(KEY, room);
    while (!room.gate.calls.includes("driver.copy")) await Promise.resolve();
    assert.equal(room.runs.get(ref)!.state.paused, true);
    assert.deepEqual(statusOf(room).paused?.map(({ instanceUid }) => instanceUid), [ref.instanceUid]);
    copying.resolve();
    await pass;
    assert.equal(room.runs.get(ref)!.state.paused, undefined);
    assert.deepEqual([statusOf(room).state, statusOf(room).paused], ["Ready", undefined]);
  }));

Deno.test("applySnapshot() resumes its writers when the copy fails, and leaves no data", () =>
  withMemoryRoom(async (room) => {
    const ref = await prepare(room);
    room.gate.failNext("driver.copy", new RuneError("unavailable", "the disk is gone"));
    await reconcileSnapshot(KEY, room);
    assert.equal(room.runs.get(ref)!.state.paused, undefined);
    const { state, failureMessage, paused, copying } = statusOf(room);
    assert.deepEqual([state, failureMessage, paused, copying], [
      "Failed",
      "the disk is gone",
      undefined,
      undefined,
    ]);
    assert.equal(room.volumes.snapshots.size, 0);
  }));

Deno.test("applySnapshot() remembers paused writers while their runner is unreachable, and resumes them afterwards", () =>
  withMemoryRoom(async (room) => {
    const ref = await prepare(room);
    const away = new RuneError("unavailable", "the runner is away");
    room.gate.failNext("runner.resume", away);
    room.gate.failNext("runner.resume", away);
    assert.equal((await reconcileSnapshot(KEY, room)).type, "failed");
    assert.equal(room.runs.get(ref)!.state.paused, true);
    assert.equal(statusOf(room).paused?.length, 1);
    await reconcileSnapshot(KEY, room);
    assert.equal(room.runs.get(ref)!.state.paused, undefined);
    assert.equal(statusOf(room).paused, undefined);
  }));

Deno.test("applySnapshot() begins one snapshot at a time of a volume whose driver has limits, and the next one later", () =>
  withMemoryRoom(async (room) => {
    await prepare(room);
    await keep(room.store, makeSnapshot({ name: "other", uid: "other" }));
    const copying = Promise.withResolvers<void>();
    room.gate.delayNext("driver.copy", copying.promise);
    const first = reconcileSnapshot(KEY, room);
    while (!room.gate.calls.includes("driver.copy")) await Promise.resolve();
    const readOther = () => room.store.get("snapshot", "default", "other")!.status;
    await reconcileSnapshot("default/other", room);
    assert.match(readOther().failureMessage!, /^waits for snapshot default\/snap, which is being taken$/);
    copying.resolve();
    await first;
    const outcome = await reconcileSnapshot("default/other", room);
    assert.match(readOther().failureMessage!, /^waits until 10 minutes after the last snapshot/);
    assert.ok(outcome.type === "again" && outcome.afterMs > 590_000);
    assert.equal(room.volumes.snapshots.size, 1);
  }, { capabilities: { snapshotLimits: { minIntervalMs: 600_000, mostPerVolume: 2 } } }));

Deno.test("applySnapshot() lets only one of two snapshots begin that were planned from the same state", () =>
  withMemoryRoom(async (room) => {
    await prepare(room);
    await keep(room.store, makeSnapshot({ name: "other", uid: "other" }));
    await Promise.all([KEY, "default/other"].map((key) => reconcileSnapshot(key, room)));
    assert.equal(room.volumes.snapshots.size, 1);
  }, { capabilities: { snapshotLimits: { minIntervalMs: 600_000, mostPerVolume: 2 } } }));
