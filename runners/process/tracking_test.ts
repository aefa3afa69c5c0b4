/**
 * No living process of a run counts as ended, with each hierarchy that finds processes, and with sessions
 * alone.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { until } from "../../tests/host.ts";
import { groupOf, TRACKERS } from "./cgroup.ts";
import { type CgroupMounts, findCgroupMounts } from "./cgroup_mounts.ts";
import { signalMembers } from "./members.ts";
import { observeHost } from "./observe.ts";
import { readProcess, sessionMembers } from "./proc.ts";
import { runFiles } from "./records.ts";
import { isNotRoot, openRoom, type ProcessRoom, roomTest } from "./test_room.ts";
import type { RunRef, RunSpec } from "../runner.ts";

const { signal } = new AbortController();
const cgroups = isNotRoot ? {} : findCgroupMounts();

async function startRun(room: ProcessRoom, spec: RunSpec): Promise<void> {
  await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
}

async function firstNumber(room: ProcessRoom, ref: RunRef): Promise<number> {
  for await (const { text } of await room.runner.logs(ref, { follow: true, signal })) return Number(text);
  return assert.fail("the run printed nothing");
}

async function exits(room: ProcessRoom, ref: RunRef) {
  return await until("the run has ended", async () => {
    const state = await room.runner.inspect(ref, signal);
    return state.state === "exited" && state;
  });
}

const size = async (path: string) => (await Deno.stat(path).catch(() => undefined))?.size ?? 0;
const grows = async (path: string) => {
  const before = await size(path);
  await until(`${path} grows`, async () => await size(path) > before + 10);
};

/** Writes to `OUT` forever, ignores SIGTERM, and prints its pid. */
const DEAF_WRITER = `trap "" TERM; echo $$; while :; do echo x >> "$OUT"; sleep 0.02; done`;

const UNTIL_IT_WRITES = `until [ -s "$OUT" ]; do sleep 0.02; done`;

for (const by of TRACKERS) {
  // Hides the other hierarchies, as on hosts that have only this one.
  const only: CgroupMounts = cgroups[by] === undefined ? {} : { [by]: cgroups[by] };
  const test = (name: string, fn: (room: ProcessRoom) => Promise<void>) =>
    roomTest(`by ${by}: ${name}`, fn, { ignore: cgroups[by] === undefined, room: { cgroups: only } });

  test("a process that daemonizes is ended before its run counts as exited", async (room) => {
    const daemonize =
      `setsid sh -c 'setsid sh -c '\\''${DEAF_WRITER}'\\'' & exit' & wait; ${UNTIL_IT_WRITES}; exit 4`;
    const spec = room.shell(daemonize, { env: { OUT: `${room.data}/out` } });
    await startRun(room, spec);
    const pid = await firstNumber(room, spec);
    assert.equal((await exits(room, spec)).exitCode, 4);
    assert.equal(readProcess(pid), undefined);
  });

  test("processes in groups below are counted, paused and stopped, and the run can be removed", async (room) => {
    const out = `${room.data}/out`;
    const inside = `echo $$ > "$GROUP/sub/deep/cgroup.procs"; ${DEAF_WRITER}`;
    const spec = room.shell(`mkdir -p "$GROUP/sub/deep"; setsid sh -c '${inside}' & ${UNTIL_IT_WRITES}`);
    const group = `${cgroups[by]}/rune/${groupOf(room.daemonId, runFiles(room.dir, spec).name)}`;
    spec.env = { OUT: out, GROUP: group };
    spec.process!.args[1] += "; wait";
    await startRun(room, spec);
    const pid = await firstNumber(room, spec);
    await grows(out);
    assert.equal((await (await room.reopen()).inspect(spec, signal)).state, "running");
    assert.equal((await room.runner.pause(spec, signal)).paused, true);
    const held = await size(out);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(await size(out), held);
    assert.notEqual((await room.runner.resume(spec, signal)).paused, true);
    await grows(out);
    assert.equal((await room.runner.stop(spec, { timeoutMs: 200, signal })).state, "exited");
    assert.equal(readProcess(pid), undefined);
    await room.runner.remove(spec, signal);
    assert.equal((await room.runner.inspect(spec, signal)).state, "absent");
    assert.equal(existsSync(group), false);
  });

  test("a program that constantly starts processes is ended", async (room) => {
    const spec = room.shell(
      `trap "" TERM; echo $$; while :; do setsid sh -c 'trap "" TERM; sleep 0.05; sleep 5' & sleep 0.01; done`,
    );
    await startRun(room, spec);
    await firstNumber(room, spec);
    const stopped = await room.runner.stop(spec, { timeoutMs: 100, signal });
    assert.equal(stopped.state, "exited");
  });

  test("a daemon that cannot see the hierarchy does not count its runs as ended", async (room) => {
    const spec = room.shell("echo $$; exec sleep 60");
    await startRun(room, spec);
    const pid = await firstNumber(room, spec);
    await room.reopen({ cgroups: {} });
    const calls = [
      () => room.runner.inspect(spec, signal),
      () => room.runner.stop(spec, { timeoutMs: 0, signal }),
      () => room.runner.remove(spec, signal),
      () => room.runner.list(signal),
    ];
    for (const call of calls) await assert.rejects(call, { code: "unavailable", message: /cannot be seen/ });
    assert.ok(readProcess(pid));
    assert.equal((await (await room.reopen()).inspect(spec, signal)).state, "running");
  });
}

roomTest("a process in a threaded group below is counted and ended", async (room) => {
  const spec = room.shell(
    `mkdir "$GROUP/t"; echo threaded > "$GROUP/t/cgroup.type"; setsid sh -c 'echo $$ > "$GROUP/t/cgroup.threads"; ${DEAF_WRITER}' & sleep 0.1; wait`,
  );
  const group = `${cgroups.unified}/rune/${groupOf(room.daemonId, runFiles(room.dir, spec).name)}`;
  spec.env = { OUT: `${room.data}/out`, GROUP: group };
  await startRun(room, spec);
  const pid = await firstNumber(room, spec);
  assert.match(await Deno.readTextFile(`${group}/t/cgroup.threads`), new RegExp(`^${pid}$`, "m"));
  await room.runner.stop(spec, { timeoutMs: 100, signal });
  assert.equal(readProcess(pid), undefined);
  await room.runner.remove(spec, signal);
}, { ignore: cgroups.unified === undefined });

roomTest("by session: what is left without its leader is ended when it is the run's own", async (room) => {
  const spec = room.shell(`sh -c '${DEAF_WRITER}' & ${UNTIL_IT_WRITES}; exit 3`, {
    env: { OUT: `${room.data}/out` },
  });
  await startRun(room, spec);
  const pid = await firstNumber(room, spec);
  assert.equal((await exits(room, spec)).exitCode, 3);
  assert.equal(readProcess(pid), undefined);
}, { room: { cgroups: {} } });

roomTest("by session: another session that has the number now is neither adopted nor ended", async (room) => {
  const child = new Deno.Command("setsid", {
    args: ["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $$; exit 0"],
    stdin: "null",
    stdout: "piped",
  });
  const session = Number(new TextDecoder().decode((await child.output()).stdout));
  const [foreign] = await until("its leader is gone", () => {
    const left = sessionMembers(session);
    return Promise.resolve(left.length === 1 && left);
  });
  try {
    const spec = room.shell("true");
    await room.runner.create(spec, signal);
    const { dir } = runFiles(room.dir, spec);
    await Deno.writeTextFile(`${dir}/starting`, "");
    const { bootId } = observeHost({});
    await Deno.symlink(`${session} ${foreign!.startTime - 100} ${bootId}`, `${dir}/claim`);
    const runner = await room.reopen();
    assert.equal((await runner.stop(spec, { timeoutMs: 0, signal })).state, "exited");
    assert.ok(readProcess(foreign!.pid), "it is somebody else's");
  } finally {
    Deno.kill(foreign!.pid, "SIGKILL");
  }
}, { room: { cgroups: {} } });

Deno.test({
  name: "signalMembers() signals no process that has the pid of one that was seen before",
  ignore: isNotRoot,
  async fn() {
    const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
    const seen = readProcess(child.pid)!;
    const leader = { pid: 1 << 29, startTime: 0 };
    const send = (startTime: number) =>
      signalMembers(observeHost({}), {
        leader,
        members: [{ ...seen, startTime }],
        tracking: { by: "session" },
      }, "SIGKILL");
    send(seen.startTime - 1);
    assert.ok(readProcess(child.pid));
    send(seen.startTime);
    assert.equal((await child.status).signal, "SIGKILL");
  },
});

roomTest("a runner elsewhere ends what its daemon's id began, and nothing of another id's", async (room) => {
  const spec = room.shell("setsid sh -c 'echo $$; exec sleep 60' & wait");
  await startRun(room, spec);
  const pid = await firstNumber(room, spec);
  await room.runner.close();
  const other = await openRoom();
  let same: ProcessRoom | undefined;
  const group = `/rune/${groupOf(room.daemonId, runFiles(room.dir, spec).name)}`;
  try {
    await other.runner.waitUntilClear();
    assert.ok(readProcess(pid));
    same = await openRoom({ daemonId: room.daemonId });
    await same.runner.waitUntilClear();
    assert.equal(readProcess(pid), undefined);
    for (const mount of Object.values(cgroups)) assert.equal(existsSync(`${mount}${group}`), false);
  } finally {
    await other.cleanup();
    await same?.cleanup();
    await room.reopen();
  }
}, { ignore: Object.keys(cgroups).length === 0 });

roomTest("a group that the kernel keeps holds up no removal, and goes later", async (room) => {
  const spec = room.shell("exit 0", { resources: { memory: { limit: "64Mi" } } });
  await startRun(room, spec);
  await exits(room, spec);
  const group = `${cgroups.memory}/rune/${groupOf(room.daemonId, runFiles(room.dir, spec).name)}`;
  await Deno.mkdir(`${group}/below`, { recursive: true });
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  try {
    await Deno.writeTextFile(`${group}/below/cgroup.procs`, `${child.pid}`);
    const before = performance.now();
    await room.runner.remove(spec, signal);
    assert.ok(performance.now() - before < 10_000);
    assert.equal((await room.runner.inspect(spec, signal)).state, "absent");
    assert.ok(existsSync(group));
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
  await until("the group is removed", () => Promise.resolve(!existsSync(group)));
}, { ignore: cgroups.memory === undefined });

roomTest("removal ends what lives on below a run whose end was recorded too early", async (room) => {
  const spec = room.shell("exec sleep 60");
  await startRun(room, spec);
  const { pid } = await room.runner.inspect(spec, signal);
  // As versions did that checked no groups below.
  const { dir } = runFiles(room.dir, spec);
  await Deno.writeTextFile(`${dir}/ended.json`, JSON.stringify({ finishedAt: new Date().toISOString() }));
  await room.runner.remove(spec, signal);
  assert.equal(readProcess(pid!), undefined);
}, { ignore: Object.keys(cgroups).length === 0 });

roomTest("a run of a version that named its group after the run alone goes on and is ended", async (room) => {
  const spec = room.shell(`setsid sh -c '${DEAF_WRITER}' & wait`, { env: { OUT: `${room.data}/out` } });
  await startRun(room, spec);
  const pid = await firstNumber(room, spec);
  const { name, dir } = runFiles(room.dir, spec);
  const earlier = `${cgroups.unified}/rune/${name}`;
  await Deno.mkdir(earlier);
  const procs = (group: string) => `${cgroups.unified}/rune/${group}/cgroup.procs`;
  for (const member of (await Deno.readTextFile(procs(groupOf(room.daemonId, name)))).trim().split("\n")) {
    // One may have ended in the meantime.
    await Deno.writeTextFile(procs(name), member).catch(() => {});
  }
  await Deno.remove(`${dir}/tracked`);
  const runner = await room.reopen();
  assert.equal((await runner.inspect(spec, signal)).state, "running");
  assert.equal((await runner.stop(spec, { timeoutMs: 100, signal })).state, "exited");
  assert.equal(readProcess(pid), undefined);
  await runner.remove(spec, signal);
  assert.equal(existsSync(earlier), false);
}, { ignore: cgroups.unified === undefined });
