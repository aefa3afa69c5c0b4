import assert from "node:assert/strict";
import { MAX_TIMER_MS, repeat, sleep, sleepQuietly, startDeadline, startTimer } from "./delay.ts";

/** Spans that overflow a JavaScript timer: it fires at once. */
const LONG = [MAX_TIMER_MS + 1, 30 * 86_400_000, 366 * 86_400_000, Number.MAX_SAFE_INTEGER, Infinity];

Deno.test("startTimer(), repeat() and startDeadline() do not fire early, however long the wait", async () => {
  const fired: number[] = [];
  const timers = LONG.flatMap((ms) => [
    startTimer(ms, () => fired.push(ms)),
    repeat(ms, () => fired.push(ms)),
  ]);
  const deadlines = LONG.map((ms) => startDeadline(ms));
  try {
    // Longer than an overflowed timer takes to fire, and shorter than any correct wait.
    await sleep(50);
    assert.deepEqual(fired, []);
    assert.deepEqual(deadlines.map(({ signal }) => signal.aborted), LONG.map(() => false));
  } finally {
    for (const timer of timers) timer.clear();
    for (const deadline of deadlines) deadline[Symbol.dispose]();
  }
});

Deno.test("a wait in many parts lasts as long as requested, and no shorter", async () => {
  const began = performance.now();
  await sleep(60, { partMs: 7 });
  assert.ok(performance.now() - began >= 59);
  using deadline = startDeadline(30, { partMs: 4 });
  await assert.rejects(sleep(30_000, { signal: deadline.signal, partMs: 5 }), { name: "TimeoutError" });
  assert.ok(performance.now() - began >= 88);
});

Deno.test("clear() stops a timer between two parts", async () => {
  let fired = 0;
  const timer = startTimer(40, () => fired++, { partMs: 5 });
  const ticks = repeat(5, () => fired++, { partMs: 2 });
  await sleep(12);
  timer.clear();
  ticks.clear();
  const seen = fired;
  await sleep(50);
  assert.equal(fired, seen);
  assert.ok(seen > 0);
});

Deno.test("sleep() rejects with the reason of its signal, and sleepQuietly() returns", async () => {
  const abort = new AbortController();
  const slept = sleep(30 * 86_400_000, { signal: abort.signal });
  const paused = sleepQuietly(Infinity, abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(slept, /enough/);
  await paused;
  await assert.rejects(sleep(1, { signal: abort.signal }), /enough/);
  assert.throws(() => startTimer(NaN, () => {}), RangeError);
});
