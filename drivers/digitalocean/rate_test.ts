import assert from "node:assert/strict";
import { createRate } from "./rate.ts";

/** A clock that only waiting moves: all that wait for a time continue when it has come. */
function createClock() {
  let time = 1000;
  const waiting: { at: number; go: () => void; fail: (reason: unknown) => void }[] = [];
  return {
    now: () => time,
    wait(ms: number, signal: AbortSignal): Promise<void> {
      signal.throwIfAborted();
      if (ms === 0) return Promise.resolve();
      const { promise, resolve: go, reject: fail } = Promise.withResolvers<void>();
      waiting.push({ at: time + ms, go, fail });
      signal.addEventListener("abort", () => fail(signal.reason), { once: true });
      return promise;
    },
    async moveBy(ms: number): Promise<void> {
      time += ms;
      for (const { at, go } of waiting) if (at <= time) go();
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
  };
}

function createAsker(token = "token") {
  const clock = createClock();
  const rate = createRate(clock);
  const { signal } = new AbortController();
  let started = 0;
  const ask = (times: number) => {
    for (let i = 0; i < times; i++) rate.take(token, signal).then(() => started++);
    return clock.moveBy(0);
  };
  return { clock, rate, ask, countStarted: () => started };
}

Deno.test("take() lets 20 requests start at once, then one after the other", async () => {
  const { clock, ask, countStarted } = createAsker();
  await ask(30);
  assert.equal(countStarted(), 20);
  await clock.moveBy(299);
  assert.equal(countStarted(), 20);
  await clock.moveBy(1);
  assert.equal(countStarted(), 21);
  await clock.moveBy(1200);
  assert.equal(countStarted(), 25);
});

Deno.test("take() keeps fewer than 250 requests in any minute", async () => {
  const { clock, ask, countStarted } = createAsker();
  await ask(1000);
  const counts = [countStarted()];
  for (let second = 1; second <= 180; second++) {
    await clock.moveBy(1000);
    counts.push(countStarted());
  }
  for (let from = -1; from + 60 < counts.length; from++) {
    assert.ok(counts[from + 60]! - (counts[from] ?? 0) < 250);
  }
});

Deno.test("take() counts each token by itself", async () => {
  const clock = createClock();
  const rate = createRate(clock);
  const { signal } = new AbortController();
  for (let i = 0; i < 20; i++) await rate.take("busy", signal);
  await rate.take("idle", signal);
});

Deno.test("take() gives the turn back if its signal aborts", async () => {
  const clock = createClock();
  const rate = createRate(clock);
  const { signal } = new AbortController();
  for (let i = 0; i < 20; i++) await rate.take("token", signal);
  const stop = new AbortController();
  const given = Array.from({ length: 10 }, () => rate.take("token", stop.signal));
  stop.abort(new Error("enough"));
  for (const take of given) await assert.rejects(take, { message: "enough" });
  const next = rate.take("token", signal);
  await clock.moveBy(300);
  await next;
});

Deno.test("close() also holds those that already wait, and lets them start one by one", async () => {
  const { clock, rate, ask, countStarted } = createAsker();
  await ask(25);
  rate.close("token", 10_000);
  await clock.moveBy(9_999);
  assert.equal(countStarted(), 20);
  await clock.moveBy(301);
  assert.equal(countStarted(), 21);
  await clock.moveBy(300);
  assert.equal(countStarted(), 22);
});

Deno.test("take() keeps fewer than 5000 requests in any hour", async () => {
  const { clock, ask, countStarted } = createAsker();
  await ask(9000);
  const counts = [countStarted()];
  for (let minute = 1; minute <= 120; minute++) {
    for (let step = 0; step < 4; step++) await clock.moveBy(15_000);
    counts.push(countStarted());
  }
  for (let from = -1; from + 60 < counts.length; from++) {
    assert.ok(counts[from + 60]! - (counts[from] ?? 0) < 5000);
  }
  assert.ok(counts[60]! > 4000);
});

Deno.test("take() forgets no token that was closed, however many others come, and lets new ones wait", async () => {
  const clock = createClock();
  const rate = createRate({ ...clock, mostTokens: 3 });
  const { signal } = new AbortController();
  const started: string[] = [];
  const ask = async (token: string) => {
    rate.take(token, signal).then(() => started.push(token));
    await clock.moveBy(0);
  };
  rate.close("shared", 10_000);
  for (const token of ["junk-1", "junk-2", "junk-3", "junk-4"]) await ask(token);
  await ask("shared");
  assert.deepEqual(started, ["junk-1", "junk-2"]);
  // The first two are full again and give up their places.
  await clock.moveBy(1_000);
  assert.deepEqual(started, ["junk-1", "junk-2", "junk-3", "junk-4"]);
  await clock.moveBy(8_000);
  assert.ok(!started.includes("shared"));
  await clock.moveBy(1_300);
  assert.ok(started.includes("shared"));
});
