import assert from "node:assert/strict";
import type { Timer } from "./delay.ts";
import { repeatOn, sleepOn, SYSTEM_TIMERS, type Timers } from "./timers.ts";

/** Timers whose time passes on the test's command. */
function virtualTimers() {
  let now = 0;
  const waits = new Set<{ due: number; fire: () => void }>();
  const timers: Timers = {
    now: () => now,
    start(ms, fire): Timer {
      const wait = { due: now + ms, fire };
      waits.add(wait);
      return { clear: () => void waits.delete(wait) };
    },
    yieldTurn: () => Promise.resolve(),
  };
  return {
    timers,
    waits,
    pass(ms: number) {
      const end = now + ms;
      for (;;) {
        const [next] = [...waits].filter((wait) => wait.due <= end).sort((a, b) => a.due - b.due);
        if (!next) break;
        now = next.due;
        waits.delete(next);
        next.fire();
      }
      now = end;
    },
  };
}

Deno.test("repeatOn() fires after each span until it is stopped", () => {
  const { timers, waits, pass } = virtualTimers();
  let count = 0;
  const timer = repeatOn(timers, 10, () => count++);
  pass(9);
  assert.equal(count, 0);
  pass(31);
  assert.equal(count, 4);
  timer.clear();
  assert.equal(waits.size, 0);
});

Deno.test("sleepOn() ends with its time or with its signal, and leaves no timer", async () => {
  const { timers, waits, pass } = virtualTimers();
  const { signal } = new AbortController();
  const waiting = sleepOn(timers, 50, signal);
  pass(50);
  await waiting;
  const stop = new AbortController();
  const stopping = sleepOn(timers, Infinity, stop.signal);
  stop.abort();
  await stopping;
  await sleepOn(timers, 50, stop.signal);
  assert.equal(waits.size, 0);
  await sleepOn(SYSTEM_TIMERS, 1, signal);
  await SYSTEM_TIMERS.yieldTurn();
});
