import assert from "node:assert/strict";
import { observe, observeHost } from "./observe.ts";
import { planLaunch } from "./launch.ts";
import { abandon, readClaim, runFiles } from "./records.ts";
import { readBootId } from "./proc.ts";
import type { RunSpec } from "../runner.ts";
import { createProcessRunner } from "./runner.ts";
import { spawnWrapper } from "./spawn.ts";
import { until } from "../../tests/host.ts";
import { type ProcessRoom, roomTest as test } from "./test_room.ts";

/** A run whose daemon died after it had recorded the start. */
async function askedToStart(room: ProcessRoom, script: string): Promise<RunSpec> {
  const spec = room.shell(script);
  await room.runner.create(spec, new AbortController().signal);
  await Deno.writeTextFile(`${runFiles(room.dir, spec).dir}/starting`, "");
  return spec;
}

async function output(room: ProcessRoom, spec: RunSpec): Promise<string> {
  return await Deno.readTextFile(`${runFiles(room.dir, spec).dir}/stdout.log`);
}

async function spawn(room: ProcessRoom, spec: RunSpec): Promise<void> {
  const { signal } = new AbortController();
  const launch = await planLaunch(spec);
  const { dir: root, daemonId } = room;
  await spawnWrapper(runFiles(root, spec), { root, daemonId, launch, procs: [], mounts: [], signal });
}

for (const call of ["stop", "remove"] as const) {
  test(
    `${call}() of a run that was asked to start but not claimed ends it for good`,
    async (room, signal) => {
      const spec = await askedToStart(room, `echo ran >${room.dir}/ran`);
      const runner = await room.reopen();
      assert.equal((await runner.inspect(spec, signal)).state, "created", "a look decides nothing");
      if (call === "stop") {
        const state = await runner.stop(spec, { timeoutMs: 1_000, signal });
        assert.equal(state.state, "exited");
        assert.match(state.error!, /before the process was started/);
        await spawn(room, spec);
        assert.equal((await runner.start(spec, signal)).state, "exited");
      } else {
        await runner.remove(spec, signal);
        await assert.rejects(spawn(room, spec), Deno.errors.NotFound);
      }
      await assert.rejects(Deno.stat(`${room.dir}/ran`), Deno.errors.NotFound);
    },
  );
}

test("create() and start() resume a run whose start was recorded but not claimed", async (room, signal) => {
  const spec = await askedToStart(room, "echo ran; sleep 60");
  const runner = await room.reopen();
  assert.equal((await runner.create(spec, signal)).state, "created");
  assert.equal((await runner.start(spec, signal)).state, "running");
});

test("only one of several racing wrappers runs the command", async (room, signal) => {
  const spec = await askedToStart(room, "echo ran; sleep 60");
  await Promise.all(Array.from({ length: 8 }, () => spawn(room, spec)));
  const stream = await room.runner.logs(spec, { follow: true, signal });
  for await (const entry of stream) if (entry.text === "ran") break;
  await room.runner.stop(spec, { timeoutMs: 5_000, signal });
  assert.equal(await output(room, spec), "ran\n");
});

test("concurrent start() calls start one process", async (room, signal) => {
  const spec = room.shell("echo ran; sleep 60");
  await room.runner.create(spec, signal);
  const states = await Promise.all([1, 2, 3].map(() => room.runner.start(spec, signal)));
  assert.equal(new Set(states.map((s) => s.handle)).size, 1);
  assert.equal(states[0]!.state, "running");
});

test("abandon() does not replace an existing claim", async (room, signal) => {
  const spec = room.shell("sleep 60");
  await room.runner.create(spec, signal);
  const { handle } = await room.runner.start(spec, signal);
  const files = runFiles(room.dir, spec);
  await abandon(files);
  const claim = await readClaim(files);
  assert.ok(typeof claim === "object" && handle === `pid:${claim.pid}`);
});

for (
  const [what, claim] of [
    ["of another boot", `1 ${Number.MAX_SAFE_INTEGER} another-boot`],
    ["by a pid that another process has now", `${Deno.pid} 1 ${readBootId()}`],
  ] as const
) {
  test(`a claim ${what} is a run that ended`, async (room, signal) => {
    const spec = await askedToStart(room, "echo ran");
    await Deno.symlink(claim, `${runFiles(room.dir, spec).dir}/claim`);
    const state = await (await room.reopen()).inspect(spec, signal);
    assert.equal(state.state, "exited");
    assert.equal(state.exitCode, undefined);
    assert.ok(state.startedAt);
    await room.runner.stop(spec, { timeoutMs: 0, signal });
  });
}

test("the remains of an interrupted create() are not a run, and are removed", async (room, signal) => {
  const spec = room.shell("true");
  const making = `${room.dir}/.making-${runFiles(room.dir, spec).name}`;
  await Deno.mkdir(making);
  const runner = await room.reopen();
  assert.equal((await runner.inspect(spec, signal)).state, "absent");
  assert.deepEqual(await runner.list(signal), []);
  await assert.rejects(Deno.stat(making), Deno.errors.NotFound);
});

test(
  "the environment is the spec's with a small base, files are private, and no value is in an argument",
  async (room, signal) => {
    const spec = room.shell('env; stat -c %a "$DIR" "$DIR/spec.json"; sleep 60');
    const { dir } = runFiles(room.dir, spec);
    spec.env = { TOKEN: "very-secret 'quoted' \"value\"", DIR: dir, rune_x: "$(exit 1)", PS4: "`id`" };
    await room.runner.create(spec, signal);
    const { pid, handle } = await room.runner.start(spec, signal);
    for (const process of [pid, handle!.slice("pid:".length)]) {
      let args = "";
      // It is empty for a moment while one program replaces another.
      while (args === "") args = (await Deno.readTextFile(`/proc/${process}/cmdline`)).replaceAll("\0", " ");
      assert.ok(args.includes("sleep 60") && !args.includes("very-secret"));
    }
    const stream = await room.runner.logs(spec, { follow: true, signal });
    const lines: string[] = [];
    for await (const { text } of stream) if (lines.push(text) && text === "600") break;
    assert.deepEqual(lines.splice(-2), ["700", "600"]);
    assert.ok(lines.includes(`TOKEN=${spec.env.TOKEN}`));
    const known = [
      "PATH",
      "HOME",
      "USER",
      "LOGNAME",
      "SHELL",
      "LANG",
      // The run's own shell sets it.
      "PWD",
      ...Object.keys(spec.env),
    ];
    assert.deepEqual(lines.map((l) => l.split("=")[0]!).filter((name) => !known.includes(name)), []);
  },
);

/** The signals that a process ignores, as bits of its `SigIgn` line. */
function ignoredIn(line: string): bigint {
  return BigInt(`0x${line.split("\t")[1]}`);
}

test("a signal that a shell ignores for background jobs is not ignored in the run", async (room, signal) => {
  const spec = room.shell("grep SigIgn /proc/self/status; umask");
  await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  const lines = await Array.fromAsync(await room.runner.logs(spec, { follow: true, signal }));
  const ignored = ignoredIn(lines[0]!.text);
  // These tests may be such a job themselves, without the handlers that a daemon has. Deno ignores SIGPIPE.
  const own = ignoredIn(/^SigIgn:.*/m.exec(await Deno.readTextFile("/proc/self/status"))![0]);
  const numbers = Object.entries({ SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGPIPE: 13, SIGTERM: 15 })
    .map(([name, number]) => ({ name, bit: 1n << BigInt(number - 1) }))
    .filter(({ name, bit }) => name === "SIGPIPE" || !(own & bit));
  assert.deepEqual(numbers.filter(({ bit }) => ignored & bit), []);
  assert.equal(lines[1]!.text, "0022");
});

test(
  "the exit code is written even if every process of the run is asked to end in the meantime",
  async (room, signal) => {
    const spec = await askedToStart(room, "true");
    const { dir, name } = runFiles(room.dir, spec);
    const tools = `${room.dir}/.tools`;
    await Deno.mkdir(tools);
    // Slow, so that the signal arrives in time. The first link is the claim.
    const link = `#!/bin/sh\n[ "$2" = 7 ] && { echo >slow; /bin/sleep 0.5; }\nexec /bin/ln "$@"\n`;
    await Deno.writeTextFile(`${tools}/ln`, link, { mode: 0o755 });
    const wrapper = new Deno.Command("setsid", {
      args: ["/bin/sh", `${room.dir}/wrapper.sh`, name, room.daemonId, "--", "/bin/sh", "-c", "exit 7"],
      cwd: dir,
      env: { PATH: `${tools}:/usr/bin:/bin` },
      stdout: "null",
    }).spawn();
    await until("the code is about to be written", () => Deno.stat(`${dir}/slow`));
    Deno.kill(-wrapper.pid, "SIGTERM");
    await wrapper.status;
    assert.equal((await room.runner.inspect(spec, signal)).exitCode, 7);
  },
);

test("createProcessRunner() explains why a directory cannot be used", async (room) => {
  await Deno.writeTextFile(`${room.data}/file`, "");
  assert.throws(() => createProcessRunner({ dir: `${room.data}/file`, daemonId: "d" }), {
    code: "unavailable",
  });
});

test(
  "observe() of a run that is removed in the meantime returns its end, or that it does not exist",
  async (room, signal) => {
    const seen = new Set<string>();
    for (let turns = 0; turns < 12; turns++) {
      const spec = room.shell("exit 3");
      await room.runner.create(spec, signal);
      await room.runner.start(spec, signal);
      await Array.fromAsync(await room.runner.logs(spec, { follow: true, signal }));
      await room.runner.inspect(spec, signal);
      const files = runFiles(room.dir, spec);
      const looking = observe(files, observeHost({}));
      for (let turn = 0; turn < turns; turn++) await Deno.lstat(files.dir);
      // As remove() does: all files disappear at once.
      Deno.renameSync(files.dir, `${room.dir}/.removed-${files.name}`);
      seen.add((await looking).state);
    }
    assert.deepEqual([...seen].filter((state) => !["ended", "absent"].includes(state)), []);
  },
);

test("observe() of a created run changes nothing", async (room, signal) => {
  const spec = room.shell("true");
  await room.runner.create(spec, signal);
  const files = runFiles(room.dir, spec);
  for (let i = 0; i < 2; i++) assert.equal((await observe(files, observeHost({}))).state, "created");
});
