/**
 * Runs the steps of an instance's plan on an in-memory runner that is unreachable or loses its answers.
 * @module
 */
import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import type { Instance } from "../../model/instance.ts";
import { keep, type MemoryRoom, withMemoryRoom } from "../testing/memory_room.ts";
import { makeInstance, makeService, makeVolume } from "../testing/resources.ts";
import { reconcileVolume } from "../volume/controller.ts";
import { reconcileInstance } from "./controller.ts";

const FRESH = { state: "Pending" as const, ready: false, run: 0 };
const claim = (name: string) => ({ name, mountPath: `/${name}`, claim: { name } });

/** An instance that writes these provisioned volumes. */
async function prepare({ store, deps, signal }: MemoryRoom, names: string[]): Promise<Instance> {
  for (const name of names) {
    await keep(store, makeVolume({ reclaimPolicy: "delete" }, { name }));
    await reconcileVolume(`default/${name}`, { deps, signal });
  }
  const service = await keep(store, makeService({ volumes: names.map(claim) }));
  return await keep(store, makeInstance(service, 0, { status: FRESH }));
}

/** Runs passes until the instance runs. */
async function bringUp(room: MemoryRoom, { uid }: Instance, names: string[]): Promise<void> {
  await reconcileInstance(uid, room);
  for (const name of names) await reconcileVolume(`default/${name}`, room);
  await reconcileInstance(uid, room);
}

const instanceOf = ({ store }: MemoryRoom) => store.get("instance", "default", "web-0");
const holdersOf = ({ store }: MemoryRoom, name: string) =>
  (store.get("lease", "default", name)?.spec.holders ?? []).map((holder) => holder.instanceUid);

Deno.test("applyInstance() takes all leases or none", () =>
  withMemoryRoom(async (room) => {
    const instance = await prepare(room, ["one", "two"]);
    const other = {
      instanceUid: "o",
      namespace: "default",
      instance: "other-0",
      mode: "rw" as const,
      since: "",
    };
    await room.store.transact((tx) =>
      tx.create({ kind: "lease", namespace: "default", name: "two", spec: { holders: [other] }, status: {} })
    );
    await reconcileInstance(instance.uid, room);
    assert.deepEqual([holdersOf(room, "one"), holdersOf(room, "two")], [[], ["o"]]);
    assert.match(instanceOf(room)!.status.message!, /two is mounted read-write by default\/other-0/);
  }));

Deno.test("applyInstance() continues a run whose create call lost its answer, and creates no second one", () =>
  withMemoryRoom(async (room) => {
    const instance = await prepare(room, ["data"]);
    room.gate.loseNext("runner.create", new RuneError("unavailable", "the answer is lost"));
    await bringUp(room, instance, ["data"]);
    assert.deepEqual(room.runs.all().map(({ state }) => [state.run, state.state]), [[1, "created"]]);
    assert.deepEqual([instanceOf(room)!.status.state, instanceOf(room)!.status.run], ["Starting", 1]);
    await reconcileInstance(instance.uid, room);
    assert.deepEqual(room.runs.all().map(({ state }) => [state.run, state.state]), [[1, "running"]]);
    assert.equal(instanceOf(room)!.status.ready, true);
  }));

Deno.test("applyInstance() keeps the leases of a removed instance until its runner proves that its run is gone", () =>
  withMemoryRoom(async (room) => {
    const instance = await prepare(room, ["data"]);
    await bringUp(room, instance, ["data"]);
    assert.deepEqual(holdersOf(room, "data"), [instance.uid]);
    await room.store.transact((tx) => void tx.update(instance, { deletionRequestedAt: instance.createdAt }));
    room.gate.failNext("runner.stop", new RuneError("unavailable", "the runner is away"));
    assert.equal((await reconcileInstance(instance.uid, room)).type, "failed");
    assert.deepEqual(holdersOf(room, "data"), [instance.uid]);
    assert.equal(room.runs.all()[0]!.state.state, "running");
    await reconcileInstance(instance.uid, room);
    assert.deepEqual([room.runs.all(), holdersOf(room, "data"), instanceOf(room)], [[], [], undefined]);
  }));
