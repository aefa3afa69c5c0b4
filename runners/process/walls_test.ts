/**
 * No program that is still root sees the environment, the mounts and the files of a service's user: neither
 * before the main process, nor before a command of `exec`, with pipes or a terminal, nor before an init step.
 * @module
 */
import assert from "node:assert/strict";
import { capture } from "../../scripts/command.ts";
import type { HostIdentity } from "../../model/security.ts";
import { until } from "../../tests/host.ts";
import type { ExecOptions, RunSpec } from "../runner.ts";
import { findCgroupMounts } from "./cgroup_mounts.ts";
import { planLaunch } from "./launch.ts";
import { runFiles, writeTracking } from "./records.ts";
import { readLines } from "./line_pipe.ts";
import { setupShell, spawnWrapper } from "./spawn.ts";
import { isNotRoot, type ProcessRoom, roomTest } from "./test_room.ts";

const NOBODY = 65534;
const BUSYBOX = "/bin/busybox";
const noBusybox = isNotRoot || (await capture([BUSYBOX, "true"]).catch(() => ({ code: 1 }))).code !== 0;

function test(
  name: string,
  fn: (room: ProcessRoom, signal: AbortSignal) => Promise<void>,
  ignore = isNotRoot,
) {
  roomTest(name, fn, { ignore });
}

async function start(room: ProcessRoom, spec: RunSpec, signal: AbortSignal) {
  await room.runner.create(spec, signal);
  return await room.runner.start(spec, signal);
}

/** Runs a command and returns what it printed. */
async function exec(room: ProcessRoom, spec: RunSpec, options: Partial<ExecOptions> & { command: string[] }) {
  const { signal } = new AbortController();
  const session = await room.runner.exec(spec, { tty: false, stdin: false, signal, ...options });
  let text = "";
  for await (const { data } of session.output) text += new TextDecoder().decode(data);
  return { text, code: await session.exitCode };
}

/** A directory that everybody may enter and write to, since root may create files there as the run's user. */
async function openDirectory(path: string): Promise<string> {
  const parts = path.split("/");
  for (let depth = 3; depth < parts.length; depth++) {
    const above = parts.slice(0, depth).join("/");
    if (!((await Deno.stat(above)).mode! & 1)) await Deno.chmod(above, 0o711);
  }
  await Deno.mkdir(path);
  await Deno.chmod(path, 0o1777);
  return path;
}

/** The rights of a process according to the kernel. */
const STATUS = ["sh", "-c", "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status"];
const PLAIN = (identity: HostIdentity, bounding: string) =>
  [
    `Uid:${`\t${identity.user}`.repeat(4)}`,
    `Gid:${`\t${identity.group}`.repeat(4)}`,
    `Groups:\t${identity.groups.join(" ")} `,
    ...["Inh", "Prm", "Eff"].map((set) => `Cap${set}:\t0000000000000000`),
    `CapBnd:\t${bounding}`,
    "CapAmb:\t0000000000000000",
    "NoNewPrivs:\t1",
  ].join("\n");

for (const mounted of [false, true]) {
  test(
    `a process has the numbers of its identity and no right more, ${mounted ? "with" : "without"} mounts`,
    async (room, signal) => {
      const identity = { user: 4242, group: 4343, groups: [27, 4444] };
      const mounts = mounted ? [{ source: room.data, target: "/srv/rune-test-walls", readOnly: true }] : [];
      // The numbers take precedence over the names, which may have another meaning by now.
      const securityContext = { user: "root", group: "root" };
      const spec = room.shell(`${STATUS[2]}; exec sleep 60`, { identity, mounts, securityContext });
      await start(room, spec, signal);
      const lines: string[] = [];
      for await (const { text } of await room.runner.logs(spec, { follow: true, signal })) {
        if (lines.push(text) === 9) break;
      }
      assert.equal(lines.join("\n"), PLAIN(identity, "0000000000000000"));
      // nsenter needs these to enter the view, so they cannot be removed from the bounding set. They are
      // useless there.
      const bounding = mounted ? "0000000000240080" : "0000000000000000";
      for (const options of [{}, { stdin: true }, { tty: true }]) {
        const { text } = await exec(room, spec, { command: STATUS, ...options });
        assert.equal(text.replaceAll("\r", "").trim(), PLAIN(identity, bounding), JSON.stringify(options));
      }
      if (mounted) await Deno.remove("/srv/rune-test-walls");
    },
  );
}

test("granted capabilities are those of exec() too, in a view of its own", async (room, signal) => {
  const mounts = [{ source: room.data, target: `${room.data}/there`, readOnly: false }];
  const securityContext = { user: "nobody", capabilities: ["NET_BIND_SERVICE"] };
  const spec = room.shell("exec sleep 60", { mounts, securityContext });
  await start(room, spec, signal);
  const { text } = await exec(room, spec, { command: STATUS });
  for (const set of ["Inh", "Prm", "Eff", "Amb"]) {
    assert.ok(text.includes(`Cap${set}:\t0000000000000400\n`), text);
  }
  assert.match(text, /^NoNewPrivs:\t1$/m);
});

test(
  "exec() never enters a process that reused the pid of the main one, and reveals no variables of it",
  async (room, signal) => {
    const spec = room.shell("exec sleep 60", {
      securityContext: { user: "nobody" },
      secretEnv: { KEY: "own" },
    });
    await start(room, spec, signal);
    const other = new Deno.Command("sleep", { args: ["60"], env: { KEY: "of another" }, stdin: "null" })
      .spawn();
    try {
      await Deno.writeTextFile(`${runFiles(room.dir, spec).signals}.ready`, `${other.pid}\n`);
      await assert.rejects(exec(room, spec, { command: ["env"] }), { code: "conflict" });
    } finally {
      other.kill("SIGKILL");
      await other.status;
    }
  },
  isNotRoot || Object.keys(findCgroupMounts()).length === 0,
);

/** Variables that make a program run code, or write files, for the user who chose its environment. */
function makeHostileFiles(directory: string): Record<string, string> {
  return {
    LD_DEBUG: "files",
    LD_DEBUG_OUTPUT: `${directory}/loaded`,
    LD_PRELOAD: `${directory}/none.so`,
    LD_LIBRARY_PATH: directory,
    GCONV_PATH: directory,
    GLIBC_TUNABLES: "glibc.malloc.check=3",
    BASH_ENV: `${directory}/note.sh`,
    ENV: `${directory}/note.sh`,
    SHELL: `${directory}/bin/sh`,
    PATH: `${directory}/bin:/usr/bin:/bin`,
    IFS: "/s",
    LIBMOUNT_DEBUG: "all",
    CDPATH: directory,
    PS4: "$(id -u)",
  };
}

/** Programs with the names that root looks up. Each records who runs it, and does nothing else. */
const HELPERS = ["sh", "setsid", "unshare", "setpriv", "mount", "nsenter", "script", "stty", "cat", "ln"];

async function layTraps(directory: string): Promise<void> {
  await openDirectory(directory);
  await openDirectory(`${directory}/notes`);
  await Deno.mkdir(`${directory}/bin`);
  const note = `: > "${directory}/notes/$$"\n`;
  await Deno.writeTextFile(`${directory}/note.sh`, note);
  for (const name of HELPERS) {
    await Deno.writeTextFile(`${directory}/bin/${name}`, `#!/bin/sh -p\n${note}`, { mode: 0o755 });
    await Deno.chmod(`${directory}/bin/${name}`, 0o755);
  }
}

/** The owners of files below a directory, except those that the test created. */
async function makersOf(directory: string): Promise<Set<number>> {
  const makers = new Set<number>();
  for (const place of [directory, `${directory}/notes`]) {
    for await (const { name, isFile } of Deno.readDir(place)) {
      if (isFile && name !== "note.sh") makers.add((await Deno.stat(`${place}/${name}`)).uid!);
    }
  }
  return makers;
}

test(
  "no program of root gets the environment of a service: main process, step, exec with pipes and a terminal",
  async (room, signal) => {
    const traps = `${room.data}/traps`;
    await layTraps(traps);
    const more = {
      env: makeHostileFiles(traps),
      securityContext: { user: "nobody" },
      mounts: [{ source: room.data, target: `${room.data}/seen`, readOnly: false }],
    };
    const spec = room.shell("", { ...more, process: { command: "/bin/sleep", args: ["60"] } });
    const step = room.shell("", {
      ...more,
      instanceUid: spec.instanceUid,
      step: "prepare.1",
      process: { command: "/bin/true", args: [] },
    });
    await start(room, step, signal);
    await until("the step ended", async () => (await room.runner.inspect(step, signal)).state === "exited");
    assert.deepEqual(await makersOf(traps), new Set([NOBODY]), "the step");
    const countLoaded = async () =>
      (await Array.fromAsync(Deno.readDir(traps))).filter(({ name }) => name.startsWith("loaded")).length;
    const before = await countLoaded();
    await start(room, spec, signal);
    await until("the main process has loaded", async () => await countLoaded() > before);
    const size = { columns: 80, rows: 24 };
    for (const options of [{}, { stdin: true }, { tty: true, size }]) {
      const { code } = await exec(room, spec, {
        command: ["/bin/true"],
        env: makeHostileFiles(traps),
        ...options,
      });
      assert.equal(code, 0);
      assert.deepEqual(await makersOf(traps), new Set([NOBODY]), JSON.stringify(options));
    }
  },
);

test(
  "every byte of the environment arrives, at a main process and through a terminal",
  async (room, signal) => {
    const all = Array.from({ length: 0x2fff }, (_, i) => String.fromCodePoint(i + 1)).join("");
    const env = { ALL: all, LINES: "\n\n'\n\"'\\\n$(id)`id`\n", EMPTY: "", LC_ALL: "C.UTF-8", __rune_n: "x" };
    const spec = room.shell("exec sleep 60", { env });
    const { pid } = await start(room, spec, signal);
    const of = (text: string) =>
      Object.fromEntries(text.split("\0").map((v) => [v.slice(0, v.indexOf("=")), v]));
    const cmdline = () => Deno.readTextFile(`/proc/${pid}/cmdline`);
    await until("it is the command", async () => (await cmdline()).startsWith("sleep"));
    const found = of(await Deno.readTextFile(`/proc/${pid}/environ`));
    for (const [name, value] of Object.entries(env)) assert.equal(found[name], `${name}=${value}`, name);
    const file = `${room.data}/environ`;
    for (const tty of [false, true]) {
      const { code } = await exec(room, spec, {
        command: ["sh", "-c", `cat /proc/self/environ > ${file}`],
        tty,
      });
      assert.equal(code, 0);
      const there = of(await Deno.readTextFile(file));
      for (const [name, value] of Object.entries(env)) assert.equal(there[name], `${name}=${value}`, name);
    }
  },
);

test("root runs nothing of a view in which its programs and libraries are covered", async (room, signal) => {
  const [bin, lib, notes] = [`${room.data}/bin`, `${room.data}/lib`, `${room.data}/notes`];
  await Deno.mkdir(bin);
  await Deno.mkdir(lib);
  await openDirectory(notes);
  await Deno.copyFile(BUSYBOX, `${bin}/busybox`);
  for (const name of [...HELPERS, "main"]) {
    const becomes = name === "main" ? "sleep 60" : `${name} "$@"`;
    const text = `#!/usr/bin/busybox sh\n: > "${notes}/$$"\nexec /usr/bin/busybox ${becomes}\n`;
    await Deno.writeTextFile(`${bin}/${name}`, text);
    await Deno.chmod(`${bin}/${name}`, 0o755);
  }
  // Admission and the runner both refuse this:
  const mounts = ["/usr/bin", "/usr/lib", "/usr/lib64"].map((target) => ({
    source: target === "/usr/bin" ? bin : lib,
    target,
    readOnly: true,
  }));
  const spec = room.shell("", {
    mounts,
    process: { command: "/usr/bin/main", args: [] },
    securityContext: { user: "nobody" },
  });
  const refused = { ...spec, instanceUid: crypto.randomUUID() };
  await room.runner.create(refused, signal);
  await assert.rejects(room.runner.start(refused, signal), /cannot mount anything at \/usr\/bin/);
  await room.runner.create(spec, signal);
  // So the check of mount places is left out.
  const files = runFiles(room.dir, spec);
  await writeTracking(files, { by: "session" });
  await Deno.writeTextFile(`${files.dir}/starting`, "");
  await spawnWrapper(files, {
    root: room.dir,
    daemonId: room.daemonId,
    launch: await planLaunch(spec),
    procs: [],
    mounts,
    signal,
  });
  assert.equal((await room.runner.inspect(spec, signal)).state, "running");
  const makers = async () => {
    const made = await Array.fromAsync(Deno.readDir(notes));
    return {
      count: made.length,
      by: new Set(made.map(({ name }) => Deno.statSync(`${notes}/${name}`).uid)),
    };
  };
  await until("the main process runs", async () => (await makers()).count > 0);
  for (const tty of [false, true]) {
    const before = (await makers()).count;
    await exec(room, spec, { command: ["/usr/bin/stty"], tty });
    const after = await makers();
    assert.ok(after.count > before, "the command did not run in the view");
    assert.deepEqual(after.by, new Set([NOBODY]));
  }
}, noBusybox);

test(
  "a setuid program in a mount gains nothing, and every mount is nosuid and nodev, in place too",
  async (room, signal) => {
    await Deno.chmod(room.data, 0o755);
    await Deno.chmod(room.data.slice(0, room.data.lastIndexOf("/")), 0o711);
    const inner = `${room.data}/inner`;
    await Deno.mkdir(inner);
    await Deno.copyFile("/usr/bin/id", `${room.data}/id`);
    await Deno.chmod(`${room.data}/id`, 0o4755);
    const target = `/tmp/rune-test-${crypto.randomUUID()}`;
    const mounts = [
      { source: room.data, target, readOnly: false },
      { source: inner, target: inner, readOnly: false },
      { source: inner, target: `${room.data}/shown`, readOnly: true },
    ];
    try {
      // For root, the mount option does what no_new_privs does for others.
      for (const securityContext of [{ user: "nobody" }, {}]) {
        const script = `${target}/id -u; ${room.data}/id -u; grep -E ' (${
          mounts.map((m) => m.target).join("|")
        }) ' /proc/self/mountinfo`;
        const spec = room.shell(script, { mounts, securityContext });
        await start(room, spec, signal);
        const lines = (await Array.fromAsync(await room.runner.logs(spec, { follow: true, signal }))).map((
          e,
        ) => e.text);
        const uid = securityContext.user === undefined ? "0" : `${NOBODY}`;
        assert.deepEqual(lines.slice(0, 2), [uid, uid]);
        assert.equal(lines.length, 5, lines.join("\n"));
        for (const line of lines.slice(2)) assert.match(line, / (rw|ro),nosuid,nodev[, ]/);
      }
    } finally {
      await Deno.remove(target);
    }
  },
);

test(
  "a helper's complaint becomes the reason for the run's end, and is not in its log",
  async (room, signal) => {
    const spec = room.shell("echo ran", { securityContext: { user: "nobody" } });
    await room.runner.create(spec, signal);
    const launch = await planLaunch(spec);
    const privileges = { ...launch.privileges, capabilities: 1n << 62n };
    await Deno.writeTextFile(`${runFiles(room.dir, spec).dir}/starting`, "");
    const options = {
      root: room.dir,
      daemonId: room.daemonId,
      launch: { ...launch, privileges },
      procs: [],
      mounts: [],
      signal,
    };
    await spawnWrapper(runFiles(room.dir, spec), options);
    const { state, error } = await room.runner.inspect(spec, signal);
    assert.equal(state, "exited");
    assert.match(error!, /^setpriv: .*cap_62/);
    assert.deepEqual(await Array.fromAsync(await room.runner.logs(spec, { follow: false, signal })), []);
  },
);

test(
  "a view contains no mounts below the daemon's own directories, and keeps none busy",
  async (room, signal) => {
    const own = `${room.dir}/own`;
    const [kept, other] = [`${own}/kept`, `${own}/other`];
    const run = async (...argv: string[]) => assert.equal((await capture(argv)).code, 0, argv.join(" "));
    for (const path of [kept, other]) {
      await Deno.mkdir(path, { recursive: true });
      await run("mount", "-t", "tmpfs", "rune-test", path);
    }
    try {
      await Deno.writeTextFile(`${kept}/file`, "mine\n");
      for (const securityContext of [{}, { readOnlyFS: true }]) {
        const mounts = [{ source: kept, target: `${room.data}/shown`, readOnly: true }];
        const script = `cat ${room.data}/shown/file; grep -c ${own} /proc/self/mountinfo`;
        const spec = room.shell(script, { mounts, securityContext });
        await start(room, spec, signal);
        const lines = await Array.fromAsync(await room.runner.logs(spec, { follow: true, signal }));
        assert.deepEqual(lines.map((entry) => entry.text), ["mine", "0"]);
      }
      assert.equal(await Deno.readTextFile(`${kept}/file`), "mine\n", "the host's own mounts stay");
    } finally {
      for (const path of [kept, other]) await run("umount", path);
    }
  },
);

const isThere = (path: string) => Deno.lstat(path).then(() => true, () => false);

interface Said {
  status: string[];
  said: string;
  /** Whether somebody still reads the output of the set-up. Default: yes. */
  heard?: boolean;
  /** Whether the daemon had made and recorded its mounts. Default: no. */
  hasMounts?: boolean;
}

/**
 * Starts a wrapper as spawnWrapper() does, tells it `said`, and closes the pipe, as if the daemon had died.
 */
async function startAlone(room: ProcessRoom, { status, said, heard = true, hasMounts = false }: Said) {
  const { signal } = new AbortController();
  const spec = room.shell("echo ran");
  await room.runner.create(spec, signal);
  const files = runFiles(room.dir, spec);
  await Deno.writeTextFile(`${files.dir}/starting`, "");
  if (hasMounts) await Deno.writeTextFile(`${files.signals}.ready`, "1\n");
  const shell = setupShell({ status, workdir: "/", command: ["echo", "ran"] });
  const child = new Deno.Command("setsid", {
    args: ["--fork", "/bin/sh", `${room.dir}/wrapper.sh`, files.name, room.daemonId, "--", ...shell],
    cwd: files.dir,
    stdin: "piped",
    stdout: heard ? "null" : "piped",
  }).spawn();
  if (!heard) {
    const lines = readLines(child.stdout, signal);
    while (await lines.next() !== "waiting");
    await lines.cancel();
  }
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(said)).catch(() => {});
  await writer.close().catch(() => {});
  await child.status;
  return { spec, files };
}

/** The outcome of a run that was started alone. */
async function endOf(room: ProcessRoom, options: Said) {
  const { signal } = new AbortController();
  const { spec } = await startAlone(room, options);
  await until("it ended", async () => (await room.runner.inspect(spec, signal)).state === "exited");
  const { exitCode, error } = await room.runner.inspect(spec, signal);
  const logs = await Array.fromAsync(await room.runner.logs(spec, { follow: false, signal }));
  return { exitCode, error, printed: logs.map((entry) => entry.text) };
}

test("a process without the required rights is not run", async (room) => {
  const said = "go\n.\n";
  assert.deepEqual(await endOf(room, { status: ["Uid:\t0\t0\t0\t0"], said }), {
    exitCode: 0,
    error: undefined,
    printed: ["ran"],
  });
  for (
    const line of [
      "Uid:\t0\t1\t0\t0",
      "Uid:\t0",
      "Groups:\t1 2",
      "CapEff:\t0000000000000001",
      "NoNewPrivs:\t1",
    ]
  ) {
    const { exitCode, error, printed } = await endOf(room, { status: ["Gid:\t0\t0\t0\t0", line], said });
    assert.deepEqual([exitCode, printed], [126, []]);
    assert.equal(error, `it was not run: it would not have had the rights that it must have: ${line}`);
  }
});

test(
  "a run whose daemon died before it had sent everything is reset, and resumed by the next start",
  async (room, signal) => {
    for (const said of ["", "go\n", "go\nexport A='1'\n", "go\nexport A='1'\nexport B"]) {
      const { spec, files } = await startAlone(room, { status: [], said, hasMounts: true });
      await until("it is put back", async () => {
        const { state } = await room.runner.inspect(spec, signal);
        return state === "created" && !await isThere(`${files.dir}/starting`) &&
          !await isThere(`${files.dir}/claim`);
      });
      await room.runner.start(spec, signal);
      await until("it ended", async () => (await room.runner.inspect(spec, signal)).state === "exited");
      const { exitCode, error } = await room.runner.inspect(spec, signal);
      const logs = await Array.fromAsync(await room.runner.logs(spec, { follow: false, signal }));
      assert.deepEqual([exitCode, error, logs.map(({ text }) => text)], [0, undefined, ["ran"]], said);
    }
  },
);

test("a command runs even if its daemon died after it had sent everything", async (room) => {
  const { exitCode, error, printed } = await endOf(room, { status: [], said: "go\n.\n", heard: false });
  assert.deepEqual([exitCode, error, printed], [0, undefined, ["ran"]]);
});

test("an aborted start starts nothing, and the next one resumes the run", async (room, signal) => {
  const spec = room.shell("echo ran");
  await room.runner.create(spec, signal);
  const files = runFiles(room.dir, spec);
  await Deno.writeTextFile(`${files.dir}/starting`, "");
  const options = {
    root: room.dir,
    daemonId: room.daemonId,
    launch: await planLaunch(spec),
    procs: [],
    mounts: [],
  };
  await assert.rejects(spawnWrapper(files, { ...options, signal: AbortSignal.abort() }), {
    code: "deadline_exceeded",
  });
  const isThere = (path: string) => Deno.lstat(path).then(() => true, () => false);
  // No call in between: a wrapper that is still starting would lose its claim to it.
  await until(
    "it was put back",
    async () => !await isThere(`${files.dir}/starting`) && !await isThere(`${files.dir}/claim`),
  );
  assert.equal((await room.runner.inspect(spec, signal)).state, "created");
  assert.deepEqual(await Array.fromAsync(await room.runner.logs(spec, { follow: false, signal })), []);
  // As left by a daemon that dies during a reset.
  await Deno.symlink("1 1 boot", `${files.dir}/claim`);
  await room.runner.start(spec, signal);
  await until("it ended", async () => (await room.runner.inspect(spec, signal)).state === "exited");
  const { exitCode, error } = await room.runner.inspect(spec, signal);
  assert.deepEqual({ exitCode, error }, { exitCode: 0, error: undefined });
  const logs = await Array.fromAsync(await room.runner.logs(spec, { follow: false, signal }));
  assert.deepEqual(logs.map(({ text }) => text), ["ran"]);
});

test(
  "missing mount points are created by entering directories: no link is followed, no file replaced",
  async (room, signal) => {
    const secret = `${room.data}/secret`;
    await Deno.mkdir(secret);
    await Deno.symlink(secret, `${room.data}/link`);
    await Deno.writeTextFile(`${room.data}/file`, "");
    for (
      const [path, says] of [["link/made", /ENOTDIR|ELOOP/], ["link", /ENOTDIR|ELOOP/], [
        "file/made",
        /ENOTDIR/,
      ]] as const
    ) {
      const mounts = [{ source: secret, target: `${room.data}/${path}`, readOnly: false }];
      const spec = room.shell("echo ran", { mounts });
      await room.runner.create(spec, signal);
      await assert.rejects(room.runner.start(spec, signal), says);
    }
    assert.deepEqual(await Array.fromAsync(Deno.readDir(secret)), []);
    // Nothing is created where a file name has a meaning for the host's programs: /run/nologin would lock
    // everybody out.
    const name = `rune-test-${crypto.randomUUID()}`;
    for (
      const path of [`/run/${name}`, `/etc/${name}`, `/${name}`, `/home/${name}`, `/var/lib/dpkg/${name}`]
    ) {
      const spec = room.shell("echo ran", { mounts: [{ source: secret, target: path, readOnly: false }] });
      await room.runner.create(spec, signal);
      await assert.rejects(room.runner.start(spec, signal), { code: "failed_precondition" }, path);
      await assert.rejects(Deno.lstat(path), Deno.errors.NotFound, path);
    }
    // Inside another mount it is created in the source of that mount, and never in a read-only one.
    const [outer, inner] = ["outer", "inner"].map((name) => `${room.data}/${name}`);
    for (const directory of [outer!, inner!]) await Deno.mkdir(directory);
    await Deno.writeTextFile(`${inner}/file`, "found\n");
    const makeNested = (readOnly: boolean) =>
      room.shell("cat b/c/file", {
        process: { command: "cat", args: [`${room.data}/a/b/c/file`] },
        mounts: [
          { source: inner!, target: `${room.data}/a/b/c`, readOnly: true },
          { source: outer!, target: `${room.data}/a`, readOnly },
        ],
      });
    const closed = makeNested(true);
    await room.runner.create(closed, signal);
    await assert.rejects(room.runner.start(closed, signal), /mount that it lies in, which is read-only/);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(outer!)), []);
    const open = makeNested(false);
    await start(room, open, signal);
    const lines = await Array.fromAsync(await room.runner.logs(open, { follow: true, signal }));
    assert.deepEqual(lines.map((e) => e.text), ["found"]);
  },
);

test(
  "the working directory and the command are those that the run's user can reach, not root",
  async (room, signal) => {
    const closed = `${room.data}/closed`;
    await openDirectory(`${room.data}/open`);
    await Deno.mkdir(closed, { mode: 0o700 });
    await Deno.copyFile("/bin/true", `${closed}/program`);
    await Deno.chmod(`${closed}/program`, 0o755);
    const securityContext = { user: "nobody" };
    for (
      const [process, says] of [
        [{ command: "true", args: [], workdir: closed }, /cannot enter the working directory/],
        [{ command: `${closed}/program`, args: [] }, /cannot execute/],
        // The error does not reveal whether the file exists.
        [{ command: `${closed}/missing`, args: [] }, /cannot execute/],
        [{ command: "true", args: [], workdir: `${closed}/missing` }, /cannot enter the working directory/],
      ] as const
    ) {
      const spec = room.shell("", { process: { ...process, args: [] }, securityContext });
      const state = await start(room, spec, signal);
      assert.equal(state.state, "exited");
      assert.equal(state.exitCode, 126);
      assert.match(state.error!, says);
    }
  },
);

Deno.test("every program that the process runner starts gets the fixed environment", async () => {
  const directory = new URL(".", import.meta.url);
  for await (const { name } of Deno.readDir(directory)) {
    if (!name.endsWith(".ts") || name.endsWith("_test.ts") || name === "test_room.ts") continue;
    const text = await Deno.readTextFile(new URL(name, directory));
    for (const [call] of text.matchAll(/new Deno\.Command\([^;]*/g)) {
      assert.match(call, /env: HELPER_ENVIRONMENT,\s*clearEnv: true/, `${name}: ${call}`);
    }
  }
});
