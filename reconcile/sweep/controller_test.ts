/** Passes of the sweep, on in-memory runs. @module */
import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import { RuneError } from "../../model/error.ts";
import type { RunSpec } from "../../runners/runner.ts";
import { keep, type MemoryRoom, withMemoryRoom } from "../testing/memory_room.ts";
import { makeInstance, makeService, makeVolume } from "../testing/resources.ts";
import { SWEEP_CONTROLLER } from "./controller.ts";

const pass = ({ deps, signal }: MemoryRoom) =>
  SWEEP_CONTROLLER.reconcile("all", { deps: { ...deps, logger: getLogger("test") }, signal });

function startRun({ runs }: MemoryRoom, instanceUid: string, run: number): void {
  const spec: Partial<RunSpec> = {
    ...{ instanceUid, run, namespace: "default", service: "web", instance: "web-0" },
    env: {},
    aliases: [],
  };
  runs.start(runs.create(spec as RunSpec));
}

const hold = ({ store }: MemoryRoom, instanceUid: string) =>
  store.transact((tx) => {
    const holder = { instanceUid, namespace: "default", instance: "web-0", mode: "rw", since: "" } as const;
    tx.create({ kind: "lease", namespace: "default", name: "data", spec: { holders: [holder] }, status: {} });
  });
const holdersOf = ({ store }: MemoryRoom) => store.get("lease", "default", "data")?.spec.holders.length ?? 0;

Deno.test("the sweep first removes runs without an instance, and releases their volume in the next pass", () =>
  withMemoryRoom(async (room) => {
    await keep(room.store, makeVolume());
    await hold(room, "gone");
    startRun(room, "gone", 1);
    assert.deepEqual(await pass(room), { type: "again", afterMs: 0 });
    assert.deepEqual([room.runs.all(), holdersOf(room)], [[], 1]);
    await pass(room);
    assert.equal(holdersOf(room), 0);
    assert.deepEqual(room.store.list("event").map(({ spec }) => spec.reason), ["StaleHolder"]);
    assert.deepEqual(await pass(room), { type: "done" });
  }));

Deno.test("the sweep releases no volume while a runner is unreachable", () =>
  withMemoryRoom(async (room) => {
    await keep(room.store, makeVolume());
    await hold(room, "gone");
    room.gate.failNext("runner.list", new RuneError("unavailable", "the runner is away"));
    await pass(room);
    assert.equal(holdersOf(room), 1);
    await pass(room);
    assert.equal(holdersOf(room), 0);
  }));

Deno.test("the sweep keeps the runs of an existing instance, and stops an old run that was started again", () =>
  withMemoryRoom(async (room) => {
    const service = await keep(room.store, makeService());
    const { uid } = await keep(room.store, makeInstance(service, 0, { status: { run: 3 } }));
    for (const run of [2, 3]) startRun(room, uid, run);
    await pass(room);
    assert.deepEqual(room.runs.all().map(({ spec }) => spec.run), [3]);
    assert.deepEqual(room.store.list("event").map(({ spec }) => spec.reason), ["StrayRun"]);
    assert.deepEqual(await pass(room), { type: "done" });
  }));
