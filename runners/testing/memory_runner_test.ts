import assert from "node:assert/strict";
import { TestGate } from "../../base/testing/gate.ts";
import { RuneError } from "../../model/error.ts";
import { runnerLifecycle } from "../conformance_lifecycle.ts";
import type { Program } from "../conformance_program.ts";
import type { RunSpec } from "../runner.ts";
import { createMemoryRunner } from "./memory_runner.ts";
import { memoryProgram, MemoryRuns } from "./memory_runs.ts";

function play(program: Program): RunSpec {
  return {
    instanceUid: crypto.randomUUID(),
    run: 1,
    namespace: "default",
    service: "web",
    instance: "web-0",
    generation: 1,
    specHash: "0",
    image: "memory:1",
    env: memoryProgram(program),
    mounts: [],
    aliases: [],
    publish: [],
  };
}

for (const name of ["docker", "process"] as const) {
  runnerLifecycle({
    name: `memory ${name}`,
    make() {
      const runs = new MemoryRuns();
      const open = () => createMemoryRunner({ runs, name });
      const room = {
        runner: open(),
        reopen: () => Promise.resolve(room.runner = open()),
        play,
        cleanup: () => Promise.resolve(),
      };
      return Promise.resolve(room);
    },
  });
}

Deno.test("a run in memory exists even if the answer of its creation is lost", async () => {
  const gate = new TestGate();
  const runner = createMemoryRunner({ runs: new MemoryRuns(), gate });
  const { signal } = new AbortController();
  const spec = play({ exits: 0 });
  gate.loseNext("runner.create", new RuneError("unavailable", "the answer is lost"));
  await assert.rejects(runner.create(spec, signal), { code: "unavailable" });
  assert.equal((await runner.inspect(spec, signal)).state, "created");
});

Deno.test("a memory runner that fails or is unreachable does nothing", async () => {
  const gate = new TestGate();
  const runner = createMemoryRunner({ runs: new MemoryRuns(), gate });
  const { signal } = new AbortController();
  const spec = play({ exits: 0 });
  gate.failNext("runner.create", new RuneError("internal", "no"));
  await assert.rejects(runner.create(spec, signal), { code: "internal" });
  gate.away = () => new RuneError("unavailable", "away");
  await assert.rejects(runner.create(spec, signal), { code: "unavailable" });
  gate.away = undefined;
  assert.deepEqual(await runner.list(signal), []);
});
