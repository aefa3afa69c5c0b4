import assert from "node:assert/strict";
import { createClock, elapsedMs, waitedMs } from "./clock.ts";

const HOUR = 3_600_000;
const START = Date.parse("2026-01-31T12:00:00.000Z");

/** A manual clock: `pass` lets time go by, `set` moves the time of day forward or back. */
function trial() {
  let [steady, ahead] = [5_000, START - 5_000];
  const clock = createClock({ wall: () => steady + ahead, readSteady: () => steady });
  return {
    pass: (ms: number) => void (steady += ms),
    set: (byMs: number) => void (ahead += byMs),
    stamp: () => clock.now().toISOString(),
    since: (stamp: string) => elapsedMs(stamp, clock.now()),
  };
}

Deno.test("elapsedMs() counts the time that passed, whether or not the clock was set forward or back", () => {
  for (const steps of [[], [HOUR], [-HOUR], [HOUR, -HOUR], [-HOUR, -HOUR, 2 * HOUR], [-30_000]]) {
    const t = trial();
    t.pass(60_000);
    const before = t.stamp();
    for (const step of steps) {
      t.pass(60_000);
      t.stamp();
      t.set(step);
      assert.ok(t.since(t.stamp()) === 0, `${steps}`);
    }
    const after = t.stamp();
    t.pass(60_000);
    assert.equal(t.since(after), 60_000, `${steps}`);
    assert.equal(t.since(before), (steps.length + 1) * 60_000, `${steps}`);
  }
});

Deno.test("elapsedMs() of a time in the future is the daemon's age", () => {
  const t = trial();
  const stamp = new Date(START + HOUR).toISOString();
  assert.equal(t.since(stamp), 0);
  t.pass(90_000);
  assert.equal(t.since(stamp), 90_000);
});

Deno.test("elapsedMs() does not take slow corrections of the clock for steps", () => {
  const t = trial();
  const stamp = t.stamp();
  for (let i = 0; i < 100; i++) {
    t.pass(1_000);
    t.set(20);
    t.stamp();
  }
  assert.equal(t.since(stamp), 102_000);
  assert.equal(elapsedMs(new Date(START).toISOString(), new Date(START + 7)), 7);
});

Deno.test("waitedMs() counts only time in which this daemon ran, and equals elapsedMs() for a plain Date", () => {
  const [since, now] = [new Date(START), new Date(START + HOUR)];
  assert.equal(waitedMs(since.toISOString(), now), HOUR);
  const clock = { steps: [], watchedMs: 5_000 };
  assert.equal(waitedMs(since.toISOString(), Object.assign(now, { clock })), 5_000);
});
