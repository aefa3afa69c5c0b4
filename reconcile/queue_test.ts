import assert from "node:assert/strict";
import fc from "fast-check";
import { RuneError } from "../model/error.ts";
import { DONE, type Outcome } from "./outcome.ts";
import { createQueue, type Queue, type QueueOptions } from "./queue.ts";

function make(work: QueueOptions["work"], options: Partial<QueueOptions> = {}) {
  const failures: { key: string; attempt: number; retryInMs: number }[] = [];
  const queue = createQueue({
    work,
    concurrency: 4,
    onFailure: (key, { attempt, retryInMs }) => failures.push({ key, attempt, retryInMs }),
    random: () => 0.5,
    ...options,
  });
  return { queue, failures };
}

/**
 * Waits until the queue is empty, and lets timers run in between, because the queue itself yields after a
 * time slice.
 * @returns how many turns it waited.
 */
async function waitForIdle(queue: Queue): Promise<number> {
  let turns = 0;
  for (; queue.depth > 0; turns++) await new Promise((resolve) => setTimeout(resolve, 0));
  return turns;
}

Deno.test("queue collapses repeated keys and never runs two passes over one key at once", async () => {
  let active = 0;
  let most = 0;
  let passes = 0;
  const gates: PromiseWithResolvers<Outcome>[] = [];
  const second = Promise.withResolvers<void>();
  const { queue } = make(() => {
    most = Math.max(most, ++active);
    if (++passes === 2) second.resolve();
    const gate = Promise.withResolvers<Outcome>();
    gates.push(gate);
    return gate.promise.finally(() => active--);
  });
  queue.add("a");
  await Promise.resolve();
  await Promise.resolve();
  for (let i = 0; i < 5; i++) queue.add("a");
  gates[0]!.resolve(DONE);
  await second.promise;
  gates[1]!.resolve(DONE);
  await queue.stop(1000);
  assert.deepEqual({ passes, most, depth: queue.depth }, { passes: 2, most: 1, depth: 0 });
});

Deno.test("queue runs different keys in parallel, up to its limit", async () => {
  let active = 0;
  let most = 0;
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<Outcome>();
  const { queue } = make(() => {
    most = Math.max(most, ++active);
    if (active === 4) reached.resolve();
    return gate.promise;
  });
  for (let i = 0; i < 10; i++) queue.add(`k${i}`);
  await reached.promise;
  gate.resolve(DONE);
  await queue.stop(1000);
  assert.equal(most, 4);
});

Deno.test("queue backs off per key, doubling, and forgets failures after a success", async () => {
  const done = Promise.withResolvers<void>();
  let passes = 0;
  const { queue, failures } = make(() => {
    passes++;
    if (passes === 5) done.resolve();
    return passes === 4 || passes === 5
      ? Promise.resolve(passes === 4 ? { type: "again", afterMs: 0 } : DONE)
      : Promise.reject(new RuneError("unavailable", "not yet"));
  }, { baseDelayMs: 2 });
  queue.add("a");
  await done.promise;
  await queue.stop(1000);
  assert.deepEqual(failures.map((f) => [f.attempt, f.retryInMs]), [[1, 2], [2, 4], [3, 8]]);
});

Deno.test("queue.interrupt() aborts the pass in progress and runs another", async () => {
  const again = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  let passes = 0;
  const { queue, failures } = make((_key, signal) => {
    if (++passes === 2) again.resolve();
    begun.resolve();
    if (passes > 1) return Promise.resolve(DONE);
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  queue.add("a");
  await begun.promise;
  queue.interrupt("a");
  await again.promise;
  await queue.stop(1000);
  assert.deepEqual(failures, []);
});

Deno.test("queue.addAfter() keeps the earlier request, and stop() leaves no timer", async () => {
  const worked = Promise.withResolvers<void>();
  const { queue } = make(() => {
    worked.resolve();
    return Promise.resolve(DONE);
  });
  queue.addAfter("a", 3_600_000);
  queue.addAfter("a", 1);
  queue.addAfter("b", 3_600_000);
  await worked.promise;
  await queue.stop(0);
});

Deno.test("queue.stop() aborts passes that outlast the grace period", async () => {
  const { queue } = make((_key, signal) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve(DONE)))
  );
  queue.add("a");
  await Promise.resolve();
  await queue.stop(1);
  queue.add("b");
  assert.equal(queue.depth, 0);
});

Deno.test("queue runs a pass over every key after its last add, in any order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 60 }), async (keys) => {
      const version = new Map<string, number>();
      const seen = new Map<string, number>();
      const busy = new Set<string>();
      const { queue } = make(async (key) => {
        assert.ok(!busy.has(key), "a key was worked twice at once");
        busy.add(key);
        const at = version.get(key)!;
        await Promise.resolve();
        seen.set(key, at);
        busy.delete(key);
        return DONE;
      }, { concurrency: 2 });
      for (const [i, k] of keys.entries()) {
        version.set(`k${k}`, i);
        queue.add(`k${k}`);
        if (i % 7 === 0) await Promise.resolve();
      }
      await waitForIdle(queue);
      await queue.stop(100);
      assert.deepEqual(seen, version);
    }),
    { numRuns: 50 },
  );
});

Deno.test("queue yields between passes that wait for nothing", async () => {
  let passes = 0;
  const { queue } = make(() => {
    for (const end = performance.now() + 2; performance.now() < end;);
    passes++;
    return Promise.resolve(DONE);
  });
  for (let key = 0; key < 100; key++) queue.add(`${key}`);
  const turns = await waitForIdle(queue);
  assert.equal(passes, 100);
  // One turn takes at most a time slice for every place of the queue, and a little more.
  assert.ok(turns >= 3, `${turns} turns for others`);
  await queue.stop(0);
});

Deno.test("queue keeps processing all keys when onFailure() throws", async () => {
  const faults: unknown[] = [];
  const take = (event: ErrorEvent) => {
    event.preventDefault();
    faults.push(event.error);
  };
  addEventListener("error", take);
  const worked: string[] = [];
  const again = Promise.withResolvers<void>();
  const { queue } = make((key) => {
    worked.push(key);
    if (key !== "bad") return Promise.resolve(DONE);
    if (worked.filter((k) => k === "bad").length === 2) again.resolve();
    return Promise.reject(new Error("no"));
  }, {
    baseDelayMs: 1,
    onFailure() {
      throw new Error("of who is told");
    },
  });
  try {
    queue.add("bad");
    queue.add("good");
    await again.promise;
    assert.ok(worked.includes("good"));
    assert.match(String(faults[0]), /of who is told/);
  } finally {
    await queue.stop(1_000);
    removeEventListener("error", take);
  }
});

Deno.test("queue waits for a delay longer than a timer can count, without a pass in between", async () => {
  let passes = 0;
  const { queue } = make(() => {
    passes++;
    return Promise.resolve({ type: "again", afterMs: 30 * 86_400_000 });
  });
  queue.add("a");
  queue.addAfter("b", 366 * 86_400_000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(passes, 1);
  assert.equal(queue.depth, 0);
  await queue.stop(0);
});

Deno.test("queue processes other keys during slow passes, and still runs no key twice at once", async () => {
  const gate = Promise.withResolvers<Outcome>();
  const worked: string[] = [];
  const quick = Promise.withResolvers<void>();
  const { queue } = make((key) => {
    worked.push(key);
    if (key.startsWith("slow")) return gate.promise;
    quick.resolve();
    return Promise.resolve(DONE);
  }, { concurrency: 2, placeMs: 20 });
  for (const key of ["slow1", "slow2", "quick", "slow1"]) queue.add(key);
  await quick.promise;
  assert.deepEqual(worked, ["slow1", "slow2", "quick"]);
  queue.add("slow1");
  assert.equal(worked.length, 3);
  gate.resolve(DONE);
  await queue.stop(1000);
});
