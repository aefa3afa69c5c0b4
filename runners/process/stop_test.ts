/** Tests the order in which the processes of a run are ended, for each way of finding them. @module */
import assert from "node:assert/strict";
import { until } from "../../tests/host.ts";
import { TRACKERS } from "./cgroup.ts";
import { type CgroupMounts, findCgroupMounts } from "./cgroup_mounts.ts";
import { isNotRoot, openRoom, type ProcessRoom, roomTest } from "./test_room.ts";
import type { RunSpec } from "../runner.ts";

const { signal } = new AbortController();
const cgroups = isNotRoot ? {} : findCgroupMounts();

/** Prints `ready`, and takes a while to save when it is asked to end. */
const SAVING = `sh -c 'trap "sleep 0.7; echo saved; exit" TERM; echo ready; while :; do sleep 0.02; done'`;
/** Ignores SIGTERM. */
const DEAF = `sh -c 'trap "" TERM; echo ready; while :; do sleep 0.02; done'`;

async function startReady(room: ProcessRoom, script: string): Promise<RunSpec> {
  const spec = room.shell(script);
  await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  for await (const { text } of await room.runner.logs(spec, { follow: true, signal })) {
    if (text === "ready") return spec;
  }
  return assert.fail("the run was never ready");
}

async function texts(room: ProcessRoom, spec: RunSpec): Promise<string[]> {
  const entries = await Array.fromAsync(await room.runner.logs(spec, { follow: false, signal }));
  // A shell reports on its standard error which of its own children a signal ended.
  return entries.flatMap(({ stream, text }) => stream === "stdout" ? [text] : []);
}

const ways: [name: string, mounts: CgroupMounts, ignore: boolean][] = [
  ...TRACKERS.map((by): [string, CgroupMounts, boolean] => {
    const mount = cgroups[by];
    return [by, mount === undefined ? {} : { [by]: mount }, mount === undefined];
  }),
  ["session", {}, false],
];

for (const [by, only, ignore] of ways) {
  const test = (name: string, fn: (room: ProcessRoom) => Promise<void>) =>
    roomTest(`by ${by}: ${name}`, fn, { ...(ignore && { ignore }), room: { cgroups: only } });

  test("a child that saves is asked after its parent, and has the time that is left", async (room) => {
    // The parent forwards no signal: it dies at once.
    const spec = await startReady(room, `${SAVING} & wait`);
    const stopped = await room.runner.stop(spec, { timeoutMs: 10_000, signal });
    assert.deepEqual([stopped.exitCode, stopped.killed], [143, undefined]);
    assert.deepEqual(await texts(room, spec), ["ready", "saved"]);
  });

  test("a child whose parent does not end is asked when the time is up", async (room) => {
    const spec = await startReady(room, `trap : TERM; ${SAVING} & while :; do sleep 0.02; done`);
    const stopped = await room.runner.stop(spec, { timeoutMs: 1_500, signal });
    assert.deepEqual([stopped.exitCode, stopped.killed], [137, true]);
    assert.deepEqual(await texts(room, spec), ["ready", "saved"]);
    assert.equal((await (await room.reopen()).inspect(spec, signal)).killed, true);
  });

  test("processes that ignore SIGTERM are killed soon after the time is up", async (room) => {
    const spec = await startReady(room, `trap "" TERM; ${DEAF} & while :; do sleep 0.02; done`);
    const began = performance.now();
    const stopped = await room.runner.stop(spec, { timeoutMs: 400, signal });
    const took = performance.now() - began;
    assert.deepEqual([stopped.exitCode, stopped.killed], [137, true]);
    assert.ok(took >= 400 && took < 3_000, `${took} ms`);
  });

  test("processes that a main process leaves behind are counted, and get time to end in order", async (room) => {
    const spec = await startReady(room, `${SAVING} & sleep 300 & sleep 0.2; exit 0`);
    const ended = await until("the run has ended", async () => {
      const state = await room.runner.inspect(spec, signal);
      return state.state === "exited" && state;
    });
    assert.equal(ended.exitCode, 0);
    assert.equal(ended.killed, undefined);
    // Includes the child in which the first one waits.
    assert.ok(ended.leftBehind! >= 2, String(ended.leftBehind));
    assert.deepEqual(await texts(room, spec), ["ready", "saved"]);
    assert.ok((await (await room.reopen()).inspect(spec, signal)).leftBehind! >= 2);
  });
}

Deno.test("a main process that starts nothing, or waits for it, leaves nothing behind, even during an exec", async () => {
  const room = await openRoom();
  try {
    const spec = await startReady(
      room,
      "trap 'exit 0' USR1; sh -c 'sleep 0.01' & wait; echo ready; while :; do sleep 0.02; done",
    );
    const { pid } = await room.runner.inspect(spec, signal);
    const session = await room.runner.exec(spec, {
      command: ["sh", "-c", "echo in; sleep 300"],
      tty: false,
      stdin: false,
      signal,
    });
    const reader = session.output.getReader();
    await reader.read();
    // Without a call of the runner, as if it had ended by itself.
    Deno.kill(pid!, "SIGUSR1");
    const state = await until("the run has ended", async () => {
      const state = await room.runner.inspect(spec, signal);
      return state.state === "exited" && state;
    });
    assert.deepEqual([state.exitCode, state.leftBehind, state.killed], [0, undefined, undefined]);
    while (!(await reader.read()).done);
    await session.exitCode;
  } finally {
    await room.cleanup();
  }
});
