import assert from "node:assert/strict";
import type { Runner } from "../runners/runner.ts";
import { RUNNER_CALLS, wrapRunner } from "./runner_calls.ts";

Deno.test("wrapRunner() ends every call of a runner that hangs with deadline_exceeded, and its caller may try again", async () => {
  const { signal } = new AbortController();
  const calls = Object.entries(RUNNER_CALLS).flatMap(([name, rule]) =>
    typeof rule === "string" ? [] : [name]
  );
  const stuck = Object.fromEntries(calls.map((call) => [call, () => new Promise<never>(() => {})]));
  const runner = wrapRunner({ name: "process", ...stuck } as unknown as Runner, { mostMs: 20 });
  for (const call of calls) {
    const work = (runner as unknown as Record<string, (ref: unknown, o: unknown) => Promise<unknown>>)[call]!;
    await assert.rejects(work({}, { signal }), { code: "deadline_exceeded", permanent: false }, call);
  }
});

Deno.test("wrapRunner() hands on a signal that follows the caller's, also after the call returned", async () => {
  const given: AbortSignal[] = [];
  const inner = {
    name: "process",
    inspect: (_ref: unknown, signal: AbortSignal) => Promise.resolve(given.push(signal)),
    exec: (_ref: unknown, { signal }: { signal: AbortSignal }) => Promise.resolve(given.push(signal)),
  } as unknown as Runner;
  const runner = wrapRunner(inner, { mostMs: 10 });
  const caller = new AbortController();
  const ref = { instanceUid: "u", run: 1 };
  await runner.inspect(ref, caller.signal);
  await runner.exec(ref, { command: [], tty: false, stdin: false, signal: caller.signal });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(given.map((signal) => signal.aborted), [false, false]);
  caller.abort();
  assert.deepEqual(given.map((signal) => signal.aborted), [true, true]);
});

Deno.test("wrapRunner() reports what ends by itself, and no output or command that somebody asks for", async () => {
  const reported: string[] = [];
  const answer = () => Promise.resolve(undefined);
  const inner = { name: "docker", pause: answer, logs: answer, exec: answer } as unknown as Runner;
  const runner = wrapRunner(inner, { onCall: ({ of, call }) => reported.push(`${of} ${call}`) });
  const ref = { instanceUid: "u", run: 1 };
  const { signal } = new AbortController();
  await runner.pause(ref, signal);
  await runner.logs(ref, { follow: false, signal });
  await runner.exec(ref, { command: [], tty: false, stdin: false, signal });
  assert.deepEqual(reported, ["docker pause"]);
});
