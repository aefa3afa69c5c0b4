import assert from "node:assert/strict";
import type { Driver } from "../drivers/driver.ts";
import type { Runner } from "../runners/runner.ts";
import { boundDriver, boundRunner, DRIVER_DEADLINES, RUNNER_DEADLINES } from "./deadlines.ts";

/** Calls that never end, whatever their signal says. */
const hanging = (calls: string[]) =>
  Object.fromEntries(calls.map((call) => [call, () => new Promise<never>(() => {})]));

Deno.test("every call of a driver or runner that hangs ends with deadline_exceeded, and its caller may try again", async () => {
  const signal = new AbortController().signal;
  const drivers = Object.keys(DRIVER_DEADLINES);
  const driver = boundDriver({ name: "stuck", ...hanging(drivers) } as unknown as Driver, { most: 20 });
  for (const call of drivers) {
    const work = (driver as unknown as Record<string, (ctx: unknown) => Promise<unknown>>)[call]!;
    await assert.rejects(work({ signal }), { code: "deadline_exceeded", permanent: false }, call);
  }
  const runners = Object.keys(RUNNER_DEADLINES);
  const runner = boundRunner({ name: "stuck", ...hanging(runners) } as unknown as Runner, { most: 20 });
  for (const call of runners) {
    const work = (runner as unknown as Record<string, (ref: unknown, o: unknown) => Promise<unknown>>)[call]!;
    await assert.rejects(work({}, { signal }), { code: "deadline_exceeded", permanent: false }, call);
  }
});

Deno.test("boundRunner() hands on a signal that follows the caller's, also after the call returned", async () => {
  const given: AbortSignal[] = [];
  const inner = {
    name: "process",
    inspect: (_ref: unknown, signal: AbortSignal) => Promise.resolve(given.push(signal)),
    exec: (_ref: unknown, { signal }: { signal: AbortSignal }) => Promise.resolve(given.push(signal)),
  } as unknown as Runner;
  const runner = boundRunner(inner, { most: 10 });
  const caller = new AbortController();
  const ref = { instanceUid: "u", run: 1 };
  await runner.inspect(ref, caller.signal);
  await runner.exec(ref, { command: [], tty: false, stdin: false, signal: caller.signal });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(given.map((signal) => signal.aborted), [false, false]);
  caller.abort();
  assert.deepEqual(given.map((signal) => signal.aborted), [true, true]);
});

Deno.test("boundDriver() closes what a call opened when nobody waited for it any more", async () => {
  const closed = Promise.withResolvers<string>();
  const opened = Promise.withResolvers<unknown>();
  const inner = { name: "late", open: () => opened.promise } as unknown as Driver;
  const driver = boundDriver(inner, { most: 5 });
  await assert.rejects(driver.open!({} as never), { code: "deadline_exceeded" });
  opened.resolve({ close: () => closed.resolve("closed") });
  assert.equal(await closed.promise, "closed");
});
