import assert from "node:assert/strict";
import { until } from "../../tests/host.ts";
import { readProcess } from "./proc.ts";
import { isNotRoot, type ProcessRoom, roomTest as test } from "./test_room.ts";
import type { ProcessRunner } from "./runner.ts";
import type { RunRef, RunSpec, RunState } from "../runner.ts";

async function startRun(room: ProcessRoom, spec: RunSpec): Promise<RunState> {
  const { signal } = new AbortController();
  await room.runner.create(spec, signal);
  return await room.runner.start(spec, signal);
}

/** The first line of a run's output. */
async function firstLine(runner: ProcessRunner, ref: RunRef): Promise<string> {
  const { signal } = new AbortController();
  for await (const { text } of await runner.logs(ref, { follow: true, signal })) return text;
  return assert.fail("the run printed nothing");
}

async function waitForExit(runner: ProcessRunner, ref: RunRef): Promise<RunState> {
  const abort = new AbortController();
  for await (const _ of runner.events(abort.signal)) {
    const state = await runner.inspect(ref, abort.signal);
    if (state.state === "exited") return state;
  }
  return assert.fail("the events ended");
}

test("a main process killed from outside is seen at once, also by a runner that did not start it", async (room) => {
  for (const adopted of [false, true]) {
    const spec = room.shell("exec sleep 60");
    const { pid } = await startRun(room, spec);
    const runner = adopted ? await room.reopen() : room.runner;
    const before = performance.now();
    Deno.kill(pid!, "SIGKILL");
    assert.equal((await waitForExit(runner, spec)).exitCode, 137);
    const took = performance.now() - before;
    assert.ok(took < 500, `it took ${took} ms, as if a timer had found it`);
  }
});

test("a run whose wrapper was killed runs until its last process ends", async (room, signal) => {
  const spec = room.shell("exec sleep 60");
  const { pid, handle } = await startRun(room, spec);
  const wrapper = Number(handle!.slice("pid:".length));
  assert.notEqual(wrapper, pid);
  Deno.kill(wrapper, "SIGKILL");
  await until("the wrapper is gone", () => Promise.resolve(!readProcess(wrapper)));
  assert.equal((await room.runner.inspect(spec, signal)).state, "running");
  assert.equal((await (await room.reopen()).inspect(spec, signal)).state, "running");
  Deno.kill(pid!, "SIGKILL");
  const state = await waitForExit(room.runner, spec);
  assert.equal(state.exitCode, undefined);
});

test("processes that the main process left behind end before the run counts as exited", async (room) => {
  const spec = room.shell("trap '' TERM; sleep 60 & echo $!; exit 3");
  await startRun(room, spec);
  const leftover = Number(await firstLine(room.runner, spec));
  assert.equal((await waitForExit(room.runner, spec)).exitCode, 3);
  assert.equal(readProcess(leftover), undefined);
});

test("a process that left the session is found and ended with its run", async (room) => {
  const escaping = `setsid sh -c 'echo $$; : >${room.data}/out; exec sleep 60' &`;
  const spec = room.shell(`${escaping} while [ ! -e ${room.data}/out ]; do sleep 0.01; done; exit 0`);
  await startRun(room, spec);
  const escaped = Number(await firstLine(room.runner, spec));
  assert.equal((await waitForExit(room.runner, spec)).exitCode, 0);
  assert.equal(readProcess(escaped), undefined);
}, { ignore: isNotRoot });

test("stop() ends processes that a job-control shell put into their own groups", async (room, signal) => {
  const spec = room.shell("", {
    process: { command: "bash", args: ["-c", "set -m; sleep 60 & echo $!; wait"] },
  });
  await startRun(room, spec);
  const job = Number(await firstLine(room.runner, spec));
  assert.equal(readProcess(job)?.group, job);
  assert.equal((await room.runner.stop(spec, { timeoutMs: 5_000, signal })).state, "exited");
  assert.equal(readProcess(job), undefined);
});

test("stop() gives leftovers the whole timeout", async (room, signal) => {
  const script =
    "sh -c 'trap \"sleep 0.3; echo saved; exit 0\" TERM; echo ready; while :; do sleep 0.05; done' & wait";
  const spec = room.shell(script);
  await startRun(room, spec);
  assert.equal(await firstLine(room.runner, spec), "ready");
  const state = await room.runner.stop(spec, { timeoutMs: 10_000, signal });
  assert.equal(state.exitCode, 143);
  const lines = await Array.fromAsync(await room.runner.logs(spec, { follow: false, signal }));
  const printed = lines.filter((l) => l.stream === "stdout").map((l) => l.text);
  assert.deepEqual(printed, ["ready", "saved"]);
});

test("stop() that is aborted throws deadline_exceeded, and a later one succeeds", async (room, signal) => {
  const spec = room.shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  await startRun(room, spec);
  await firstLine(room.runner, spec);
  const abort = new AbortController();
  const stopping = room.runner.stop(spec, { timeoutMs: 60_000, signal: abort.signal });
  abort.abort();
  await assert.rejects(stopping, { code: "deadline_exceeded" });
  assert.equal((await room.runner.stop(spec, { timeoutMs: 0, signal })).exitCode, 137);
});

test(
  "stats() measures CPU time and memory of all processes, and returns nothing for a run that has ended",
  async (room, signal) => {
    const spec = room.shell("echo ready; while :; do :; done");
    await startRun(room, spec);
    await firstLine(room.runner, spec);
    let stats = await room.runner.stats!(spec, signal);
    while (stats!.milliCpu === 0) stats = await room.runner.stats!(spec, signal);
    assert.ok(stats!.milliCpu < 4_000 && stats!.memoryBytes > 100_000);
    await room.runner.stop(spec, { timeoutMs: 0, signal });
    assert.equal(await room.runner.stats!(spec, signal), undefined);
  },
);

test("exec sessions end with their run", async (room, signal) => {
  const spec = room.shell("exec sleep 60");
  await startRun(room, spec);
  const session = await room.runner.exec(spec, {
    command: ["sleep", "60"],
    tty: false,
    stdin: false,
    signal,
  });
  await room.runner.stop(spec, { timeoutMs: 5_000, signal });
  assert.ok(await session.exitCode > 128);
  await session.output.cancel();
});

test("exec() with a terminal resizes it and ends on abort", async (room, signal) => {
  const spec = room.shell("exec sleep 60");
  await startRun(room, spec);
  const abort = new AbortController();
  const session = await room.runner.exec(spec, {
    command: [
      "sh",
      "-c",
      "trap 'stty size' WINCH; echo \"it's $0\"; while :; do sleep 0.05; done",
      "a 'b' \"$c\"",
    ],
    tty: true,
    stdin: true,
    size: { columns: 80, rows: 24 },
    signal: abort.signal,
  });
  const output = session.output.getReader();
  let text = "";
  const waitForText = async (part: string) => {
    while (!text.includes(part)) text += new TextDecoder().decode((await output.read()).value?.data);
  };
  await waitForText("it's a 'b' \"$c\"");
  await session.sizes.getWriter().write({ columns: 100, rows: 40 });
  await waitForText("40 100");
  abort.abort();
  await assert.rejects(session.exitCode, { code: "deadline_exceeded" });
  output.releaseLock();
  assert.equal((await room.runner.inspect(spec, signal)).state, "running");
});
