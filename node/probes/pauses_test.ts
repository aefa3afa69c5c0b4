import assert from "node:assert/strict";
import { createClock } from "../../base/clock.ts";
import { probeSchema } from "../../model/health.ts";
import type { Instance } from "../../model/instance.ts";
import type { Runner, RunRef, RunSpec } from "../../runners/runner.ts";
import { createMemoryRunner } from "../../runners/testing/memory_runner.ts";
import { MemoryRuns } from "../../runners/testing/memory_runs.ts";
import { createPauses } from "./pauses.ts";
import { createProber } from "./prober.ts";

const signal = AbortSignal.timeout(60_000);
const ref: RunRef = { instanceUid: "u", run: 1 };
const probe = probeSchema.parse({ type: "exec", command: ["true"], intervalSeconds: 1, failureThreshold: 1 });
const instance = {
  uid: "u",
  name: "web-0",
  namespace: "default",
  spec: { service: "web", runner: "docker", template: { health: { liveness: probe }, ports: [] } },
  status: { run: 1, ready: false },
} as unknown as Instance;

Deno.test("a check that fails while Rune pauses the run counts for nothing; while somebody else does, it counts", async () => {
  const runs = new MemoryRuns();
  const inner = createMemoryRunner({ runs });
  const pauses = createPauses();
  let heard = Promise.withResolvers<void>();
  const awaitRefusal = async () => {
    heard = Promise.withResolvers();
    await heard.promise;
  };
  const runner = pauses.observe({
    ...inner,
    exec: (run, options) =>
      inner.exec(run, options).catch((error) => {
        heard.resolve();
        throw error;
      }),
  });
  const prober = createProber({ runners: new Map([["docker", runner]]), pauses, clock: createClock() });
  const judge = () => prober.watch(instance, { run: runs.get(ref)!.state, signal });
  const waitFor = async (ready: boolean) => {
    for await (const _ of prober.changes(signal)) if ((await judge())?.ready === ready) return;
  };
  try {
    const spec = {
      ...ref,
      namespace: "default",
      instance: "web-0",
      env: {},
      aliases: [],
      mounts: [],
    } as unknown as RunSpec;
    await runner.create(spec, signal);
    await runner.start(ref, signal);
    await judge();
    await waitFor(true);
    await runner.pause(ref, signal);
    await awaitRefusal();
    await awaitRefusal();
    await runner.resume(ref, signal);
    assert.equal((await judge())?.ready, true);
    assert.equal((await prober.report(instance, signal))[0]?.failures, 0);
    await inner.pause(ref, signal);
    await waitFor(false);
    assert.match((await judge())?.dead ?? "", /is paused/);
  } finally {
    await prober.stop();
  }
});

Deno.test("watch() tells of a pause at any time of a question, and of none before or after it", async () => {
  const pauses = createPauses();
  const change = () => Promise.resolve({ ...ref, state: "running" as const });
  const runner = pauses.observe({ pause: change, resume: change } as unknown as Runner);
  const before = pauses.watch(ref);
  assert.equal(before(), false);
  await runner.pause(ref, signal);
  const during = pauses.watch(ref);
  assert.deepEqual([before(), during()], [true, true]);
  await runner.resume(ref, signal);
  const after = pauses.watch(ref);
  assert.deepEqual([before(), during(), after()], [true, true, false]);
});

Deno.test("watch() takes a pause that failed, and a run that cannot be resumed, for paused", async () => {
  const pauses = createPauses();
  const fail = () => Promise.reject(new Error("no answer"));
  const runner = pauses.observe({ pause: fail, resume: fail } as unknown as Runner);
  await assert.rejects(runner.pause(ref, signal));
  await assert.rejects(runner.resume(ref, signal));
  assert.equal(pauses.watch(ref)(), true);
});
