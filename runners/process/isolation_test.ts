import assert from "node:assert/strict";
import { capture } from "../../scripts/command.ts";
import { parseBytes } from "../../model/quantity.ts";
import type { SecurityContext } from "../../model/security.ts";
import type { RunSpec } from "../runner.ts";
import { groupOf } from "./cgroup.ts";
import { findCgroupMounts } from "./cgroup_mounts.ts";
import { planLaunch } from "./launch.ts";
import { runFiles } from "./records.ts";
import { spawnWrapper } from "./spawn.ts";
import { isNotRoot, type ProcessRoom, roomTest } from "./test_room.ts";

const { signal } = new AbortController();
const cgroups = isNotRoot ? {} : findCgroupMounts();

function test(name: string, fn: (room: ProcessRoom) => Promise<void>, ignore = isNotRoot): void {
  roomTest(name, fn, { ignore });
}

/** Runs to the end. Returns the output, followed by the errors, and the exit code. */
async function result(
  room: ProcessRoom,
  spec: RunSpec,
): Promise<{ lines: string[]; code?: number; error?: string }> {
  await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  const entries = await Array.fromAsync(await room.runner.logs(spec, { follow: true, signal }));
  const { exitCode, error } = await room.runner.inspect(spec, signal);
  return { lines: entries.map((e) => e.text), code: exitCode, error };
}

test("mounts appear only in the run, read-only if requested, and in exec() too", async (room) => {
  const [source, target, shown] = ["source", "target dir", "shown"].map((name) => `${room.data}/${name}`);
  await Deno.mkdir(source!);
  await Deno.writeTextFile(`${source}/file`, "content");
  const spec = room.shell(
    'cat file; echo new > written; echo no > "$RO/x"; ls "$RO"; echo ready; exec sleep 60',
    {
      env: { RO: shown! },
      mounts: [{ source: source!, target: target!, readOnly: false }, {
        source: source!,
        target: shown!,
        readOnly: true,
      }],
    },
  );
  spec.process!.workdir = target!;
  await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  const texts: string[] = [];
  for await (const { text } of await room.runner.logs(spec, { follow: true, signal })) {
    if (texts.push(text) && text === "ready") break;
  }
  assert.ok(texts.includes("contentfile") || texts.includes("content"), texts.join("\n"));
  assert.equal(await Deno.readTextFile(`${source}/written`), "new\n");
  await assert.rejects(Deno.stat(`${source}/x`), Deno.errors.NotFound);
  for (const path of [target!, shown!]) assert.deepEqual(await Array.fromAsync(Deno.readDir(path)), []);

  const command = ["sh", "-c", 'pwd; cat file; touch "$RO/y"'];
  const session = await room.runner.exec(spec, { command, tty: false, stdin: false, signal });
  const output = await Array.fromAsync(session.output);
  const of = (stream: string) =>
    output.filter((o) => o.stream === stream).map((o) => new TextDecoder().decode(o.data)).join("");
  assert.equal(of("stdout"), `${target}\ncontent`);
  assert.match(of("stderr"), /[Rr]ead-only/);
});

test("a mount that cannot be made ends the run with the reason", async (room) => {
  const [source, target] = [`${room.data}/source`, `${room.data}/target`];
  for (const directory of [source, target]) await Deno.mkdir(directory);
  const spec = room.shell("echo ran", { mounts: [{ source, target, readOnly: false }] });
  await room.runner.create(spec, signal);
  const launch = await planLaunch(spec);
  // Simulates that it disappears between the checks of start() and the mount.
  const mounts = [{ source: `${source}-gone`, target, readOnly: false }];
  await Deno.writeTextFile(`${runFiles(room.dir, spec).dir}/starting`, "");
  await spawnWrapper(runFiles(room.dir, spec), {
    root: room.dir,
    daemonId: room.daemonId,
    launch,
    procs: [],
    mounts,
    signal,
  });
  const state = await room.runner.start(spec, signal);
  assert.deepEqual([state.state, state.exitCode], ["exited", 126]);
  assert.match(state.error!, /^mount: .*source-gone/);
  assert.equal(state.error!.split("\n").length, 1);
  const logs = await Array.fromAsync(await room.runner.logs(spec, { follow: false, signal }));
  assert.deepEqual(logs, []);
});

test("user and group are enforced, with the user's own groups, also in exec()", async (room) => {
  const securityContext: SecurityContext = { user: "nobody" };
  const spec = room.shell('id -u; id -G; echo "$HOME $USER"; exec sleep 60', { securityContext });
  await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  const lines: string[] = [];
  for await (const { text } of await room.runner.logs(spec, { follow: true, signal })) {
    if (lines.push(text) === 3) break;
  }
  assert.deepEqual(lines, ["65534", "65534", "/nonexistent nobody"]);
  const session = await room.runner.exec(spec, { command: ["id", "-un"], tty: false, stdin: false, signal });
  const [first] = await Array.fromAsync(session.output);
  assert.equal(new TextDecoder().decode(first!.data), "nobody\n");
  const numbers = room.shell("id -u; id -G", { securityContext: { user: "4242", group: "4343" } });
  assert.deepEqual((await result(room, numbers)).lines, ["4242", "4343"]);
});

for (
  const [name, context, expected] of [
    ["keeps only the named ones for root", { capabilities: ["CHOWN"] }, "1 1 0"],
    ["keeps them for a user too", { user: "nobody", capabilities: ["NET_BIND_SERVICE"] }, "400 400 1"],
    ["drops all when none is named", { capabilities: [] }, "0 0 0"],
    ["noNewPrivileges sets the bit for root", { noNewPrivileges: true }, ". . 1"],
    ["nobody has none, nor a way to gain one", { user: "nobody" }, "0 0 1"],
  ] as [string, SecurityContext, string][]
) {
  test(`capabilities: ${name}`, async (room) => {
    const script = "sed -n 's/^\\(CapEff\\|CapBnd\\|NoNewPrivs\\):\\s*//p' /proc/self/status";
    const { lines } = await result(room, room.shell(script, { securityContext: context }));
    const found = lines.map((text) => text.replace(/^0+(?=.)/, ""));
    expected.split(" ").forEach((want, i) => want === "." || assert.equal(found[i], want, lines.join(" ")));
  });
}

test("readOnlyFS leaves only mounts writable, and cannot be undone", async (room) => {
  const [source, target] = [`${room.data}/source`, `${room.data}/target`];
  await Deno.mkdir(source);
  const script = [
    'for dir in / /tmp /var/tmp /dev/shm /run "$SOURCE"; do touch "$dir/rune-test-file" 2>/dev/null && echo "wrote $dir"; done',
    'mount -o remount,bind,rw / 2>/dev/null && echo "remounted"',
    'nsenter -t 1 -m true 2>/dev/null && echo "entered"',
    'touch /proc/1/root/tmp/rune-test-file 2>/dev/null && echo "went around"',
    'echo hello > "$TARGET/file" && echo "wrote the mount"',
    "echo > /dev/null && echo done",
  ].join("\n");
  const spec = room.shell(script, {
    env: { SOURCE: source, TARGET: target },
    mounts: [{ source, target, readOnly: false }],
    securityContext: { readOnlyFS: true },
  });
  assert.deepEqual((await result(room, spec)).lines, ["wrote the mount", "done"]);
  assert.equal(await Deno.readTextFile(`${source}/file`), "hello\n");
});

test("readOnlyFS works with mounts that other mounts cover", async (room) => {
  const above = `${room.data}/above`;
  await Deno.mkdir(`${above}/covered`, { recursive: true });
  const run = async (...argv: string[]) => assert.equal((await capture(argv)).code, 0, argv.join(" "));
  await run("mount", "-t", "tmpfs", "rune-test", `${above}/covered`);
  try {
    await run("mount", "--bind", above, above);
    try {
      const spec = room.shell('touch "$ABOVE/covered/file" 2>/dev/null || echo refused', {
        env: { ABOVE: above },
        securityContext: { readOnlyFS: true },
      });
      assert.deepEqual((await result(room, spec)).lines, ["refused"]);
    } finally {
      await run("umount", above);
    }
  } finally {
    await run("umount", `${above}/covered`);
  }
});

test(
  "remove() removes the control groups of a run that a killed daemon began to create",
  async (room) => {
    const spec = room.shell("true");
    const groups = Object.values(cgroups).map((mount) =>
      `${mount}/rune/${groupOf(room.daemonId, runFiles(room.dir, spec).name)}`
    );
    for (const group of groups) await Deno.mkdir(group);
    await room.runner.remove(spec, signal);
    for (const group of groups) await assert.rejects(Deno.stat(group), Deno.errors.NotFound);
  },
  cgroups.unified === undefined,
);

test("a memory limit is enforced, its breach is reported, and the groups are removed", async (room) => {
  const resources = { memory: { limit: "32Mi" } };
  const spec = room.shell("head -c 200M /dev/zero | tail | wc -c", { resources });
  await result(room, spec);
  assert.equal((await room.runner.inspect(spec, signal)).oomKilled, true);
  await room.runner.remove(spec, signal);
  const name = groupOf(room.daemonId, runFiles(room.dir, spec).name);
  for (const mount of Object.values(cgroups)) {
    await assert.rejects(Deno.stat(`${mount}/rune/${name}`), Deno.errors.NotFound);
  }
}, cgroups.memory === undefined);

test("limits are those of the spec and hold for exec() too", async (room) => {
  const resources = { cpu: { limit: "250m", request: "0.5" }, memory: { limit: "64Mi", request: "32Mi" } };
  const spec = room.shell("exec sleep 60", { resources });
  await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  const name = groupOf(room.daemonId, runFiles(room.dir, spec).name);
  const value = (mount: string | undefined, file: string) =>
    Deno.readTextFileSync(`${mount}/rune/${name}/${file}`).trim();
  assert.equal(value(cgroups.cpu, "cpu.cfs_quota_us"), "25000");
  assert.equal(value(cgroups.cpu, "cpu.shares"), "512");
  assert.equal(value(cgroups.memory, "memory.limit_in_bytes"), `${parseBytes("64Mi")}`);
  assert.equal(value(cgroups.memory, "memory.soft_limit_in_bytes"), `${parseBytes("32Mi")}`);
  const command = ["cat", "/proc/self/cgroup"];
  const session = await room.runner.exec(spec, { command, tty: false, stdin: false, signal });
  const text = new TextDecoder().decode((await Array.fromAsync(session.output))[0]!.data);
  assert.equal(text.split("\n").filter((line) => line.endsWith(`/rune/${name}`)).length, 3);
}, cgroups.cpu === undefined || cgroups.memory === undefined || cgroups.unified === undefined);
