/**
 * One launch on an in-memory runner: the order of its steps, and what is left when it fails in the middle.
 * @module
 */
import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { withMemoryRoom } from "../testing/memory_room.ts";
import { makeInstance, makeService, NOW } from "../testing/resources.ts";
import type { MemoryRoom } from "../testing/memory_room.ts";
import { launch, LaunchError, type LaunchOptions } from "./launch.ts";

const service = makeService({ env: { GREETING: "hello" }, stopSignal: "SIGUSR1" });
const view = { service, instance: makeInstance(service, 0), mounts: [], run: undefined, now: NOW };

function options({ deps, runner, signal }: MemoryRoom, more: Partial<LaunchOptions> = {}): LaunchOptions {
  return {
    ...deps,
    run: 3,
    runner,
    onReplaced: () => {},
    signal,
    recordIntent: () => Promise.resolve(),
    onSkipped: () => Promise.resolve(),
    bringImage: () => Promise.resolve(),
    ...more,
  };
}

Deno.test("launch() creates nothing before its intent is committed", () =>
  withMemoryRoom(async (room) => {
    const refused = new RuneError("conflict", "the lease was lost");
    await assert.rejects(
      launch(view, options(room, { recordIntent: () => Promise.reject(refused) })),
      refused,
    );
    assert.deepEqual(room.runs.all(), []);
    const recordIntent = () =>
      Promise.resolve(assert.equal(room.gate.calls.includes("runner.create"), false));
    await launch(view, options(room, { recordIntent }));
    const [run] = room.runs.all();
    assert.deepEqual([run!.state.run, run!.state.state], [3, "running"]);
    assert.deepEqual([run!.spec.env.GREETING, run!.spec.stopSignal], ["hello", "SIGUSR1"]);
  }));

Deno.test("launch() repeated after a lost answer starts the existing run", () =>
  withMemoryRoom(async (room) => {
    for (const call of ["runner.create", "runner.start"]) {
      room.gate.loseNext(call, new RuneError("unavailable", "the answer is lost"));
      await assert.rejects(
        launch(view, options(room)),
        (error) => error instanceof LaunchError && error.reason === "LaunchFailed",
      );
    }
    await launch(view, options(room));
    assert.deepEqual(room.runs.all().map(({ state }) => [state.run, state.state]), [[3, "running"]]);
  }));
