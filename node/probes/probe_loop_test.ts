import { sleep } from "../../base/delay.ts";
import assert from "node:assert/strict";
import { nextPoint, runProbe } from "./probe_loop.ts";

Deno.test("nextPoint() stays on the grid and skips missed points", () => {
  const grid = { now: 1000, intervalMs: 100 };
  assert.equal(nextPoint(1000, grid), 1000);
  assert.equal(nextPoint(1050, grid), 1050);
  assert.equal(nextPoint(950, grid), 1050);
  assert.equal(nextPoint(310, grid), 1010);
});

/** Runs a probe for a number of attempts. */
async function countAsks(
  times: number,
  options: { intervalMs: number; takesMs?: number; eager?: boolean; ok?: (n: number) => boolean },
) {
  const { intervalMs, takesMs = 0, eager = false, ok = () => true } = options;
  const abort = new AbortController();
  const starts: number[] = [];
  const planned: number[] = [];
  const counted: boolean[] = [];
  let open = 0;
  const firstAt = performance.now();
  await runProbe({
    intervalMs,
    firstAt,
    eager,
    async ask() {
      assert.equal(++open, 1, "questions overlap");
      starts.push(performance.now() - firstAt);
      await sleep(takesMs);
      open--;
      const n = starts.length;
      if (n === times) queueMicrotask(() => abort.abort());
      return { ok: ok(n), message: "" };
    },
    onFault: assert.fail,
    onAnswer: (answer) => void counted.push(answer.ok),
    onPlanned: (at) => void planned.push(at - firstAt),
    signal: abort.signal,
  });
  return { starts, planned, counted };
}

Deno.test("runProbe() never overlaps attempts, and a slow answer does not shift the grid", async () => {
  const { starts, planned } = await countAsks(4, { intervalMs: 50, takesMs: 70 });
  starts.forEach((at, i) => {
    const point = Math.round(planned[i]!);
    assert.ok(point >= i * 100 && point % 50 === 0, `question ${i} is due at ${point}`);
    // A timer may fire a fraction of a millisecond early.
    assert.ok(at > point - 1, `question ${i} at ${at}, not before ${point}`);
  });
});

Deno.test("runProbe() makes extra attempts until it has passed, and counts only their success", async () => {
  const { starts, counted } = await countAsks(3, { intervalMs: 60_000, eager: true, ok: (n) => n === 3 });
  assert.ok(starts[2]! < 10_000, "long before the next point of the grid");
  assert.deepEqual(counted, [false]);
});

Deno.test("runProbe() of thousands costs little and ends at once when aborted", async () => {
  const abort = new AbortController();
  let count = 0;
  const firstAt = performance.now();
  const loops = Array.from({ length: 5000 }, () =>
    runProbe({
      intervalMs: 1000,
      firstAt,
      eager: false,
      ask: () => Promise.resolve({ ok: true, message: "" }),
      onFault: assert.fail,
      onAnswer: () => {
        if (++count === 5000) abort.abort();
      },
      signal: abort.signal,
    }));
  await Promise.all(loops);
  assert.equal(count, 5000);
});

Deno.test("runProbe() continues after an attempt or a listener throws, and reports it", async () => {
  const abort = new AbortController();
  const faults: string[] = [];
  let asked = 0;
  let planned = 0;
  await runProbe({
    intervalMs: 1,
    firstAt: performance.now(),
    eager: false,
    ask() {
      if (++asked === 6) abort.abort();
      return asked % 2 === 0
        ? Promise.reject(new Error("of the question"))
        : Promise.resolve({ ok: true, message: "" });
    },
    onAnswer() {
      throw new Error("of the listener");
    },
    onPlanned() {
      if (++planned === 1) throw new Error("of the plan");
    },
    onFault: (error) => void faults.push((error as Error).message),
    signal: abort.signal,
  });
  assert.equal(asked, 6);
  assert.deepEqual([...new Set(faults)].sort(), ["of the listener", "of the plan", "of the question"]);
});
