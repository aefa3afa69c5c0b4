import assert from "node:assert/strict";
import { join } from "node:path";
import { sleep, startDeadline, startTimer } from "../base/delay.ts";
import { scratchDirectory } from "./conformance_trial.ts";
import { attachLoopDevice, detachLoopDevice, formatDevice, type FsType, mountDevice } from "./devices.ts";
import { createFreezer } from "./freeze.ts";
import { findMount, run, syncFilesystem, unmountDirectory } from "./host.ts";

const { signal } = new AbortController();
const canLoop = Deno.uid() === 0 && await Deno.stat("/dev/loop-control").then(() => true, () => false);
const SIZES = { ext4: 32 << 20, xfs: 320 << 20 };

interface Mounted {
  path: string;
  notes: string;
  /** Ends when the filesystem takes a write. */
  write(): Promise<void>;
  isFrozen(): Promise<boolean>;
}

async function freeze(verb: "--freeze" | "--unfreeze", path: string): Promise<boolean> {
  return await run("fsfreeze", [verb, path], { what: verb, signal }).then(() => true, () => false);
}

async function withMounted(
  fn: (mounted: Mounted) => Promise<void>,
  fsType: FsType = "ext4",
): Promise<void> {
  const scratch = await scratchDirectory();
  const [image, path, notes] = ["image", "at", "notes"].map((name) => join(scratch.path, name)) as [
    string,
    string,
    string,
  ];
  await Deno.mkdir(path);
  await Deno.writeFile(image, new Uint8Array());
  await Deno.truncate(image, SIZES[fsType]);
  const device = await attachLoopDevice(image, signal);
  try {
    await formatDevice(device, { fsType, label: "", uuid: crypto.randomUUID(), signal });
    await mountDevice(device, { directory: path, fsType, signal });
    await fn({
      path,
      notes,
      async write() {
        using limit = startDeadline(20_000);
        await run("sh", ["-c", 'echo written > "$1/file"', "sh", path], {
          what: "write",
          signal: limit.signal,
        });
      },
      async isFrozen() {
        // A second freeze is refused.
        const isFirst = await freeze("--freeze", path);
        if (isFirst) await freeze("--unfreeze", path);
        return !isFirst;
      },
    });
  } finally {
    if (await findMount(path)) {
      await freeze("--unfreeze", path);
      await unmountDirectory(path, signal);
    }
    await detachLoopDevice(device, signal);
    await scratch.remove();
  }
}

const notesIn = async (directory: string) =>
  (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);

function test(name: string, fn: (mounted: Mounted) => Promise<void>, fsType?: FsType) {
  Deno.test({
    name: `${name} (needs root and loop devices)`,
    ignore: !canLoop,
    fn: () => withMounted(fn, fsType),
  });
}

for (const fsType of ["ext4", "xfs"] as const) {
  test(`run() holds all writes to an ${fsType} during the work, also if the work fails`, async (mounted) => {
    const { path, notes, write, isFrozen } = mounted;
    const freezer = createFreezer(notes);
    let isWritten = false;
    let writing: Promise<void> | undefined;
    const work = async () => {
      assert.equal(await isFrozen(), true);
      assert.deepEqual(await notesIn(notes), ["a.json"]);
      writing = write().then(() => void (isWritten = true));
      assert.equal(await isFrozen(), true);
      return isWritten;
    };
    assert.equal(await freezer.run({ path, id: "a" }, { work, signal }), false);
    await writing;
    await assert.rejects(
      freezer.run({ path, id: "a" }, { work: () => Promise.reject(new Error("no")), signal }),
      /^Error: no$/,
    );
    assert.deepEqual([await isFrozen(), await notesIn(notes)], [false, []]);
  }, fsType);
}

test("run() lets writes go on after its time, and says that the copy is not whole", async ({ path, notes, write }) => {
  const freezer = createFreezer(notes, { longestMs: 300 });
  await assert.rejects(freezer.run({ path, id: "a" }, { work: write, signal }), {
    code: "unavailable",
    message: /ended before the copy was taken/,
  });
  assert.equal(await Deno.readTextFile(join(path, "file")), "written\n");
  assert.deepEqual(await notesIn(notes), []);
});

test("run() leaves the freeze of somebody else alone", async ({ path, notes, isFrozen }) => {
  assert.ok(await freeze("--freeze", path));
  await assert.rejects(createFreezer(notes).run({ path, id: "a" }, { work: assert.fail, signal }), {
    code: "unavailable",
    message: /busy/,
  });
  assert.deepEqual([await isFrozen(), await notesIn(notes)], [true, []]);
});

test("run() freezes nothing once it is aborted, and never the daemon's own filesystem", async ({ path, notes, isFrozen }) => {
  const freezer = createFreezer(notes);
  await assert.rejects(
    freezer.run({ path, id: "a" }, { work: assert.fail, signal: AbortSignal.abort() }),
    { code: "unavailable" },
  );
  await assert.rejects(freezer.run({ path: "/", id: "a" }, { work: assert.fail, signal }), {
    code: "failed_precondition",
  });
  await assert.rejects(
    createFreezer(join(path, "notes")).run({ path, id: "a" }, { work: assert.fail, signal }),
    { code: "failed_precondition" },
  );
  assert.equal(await isFrozen(), false);
});

test("run() neither waits for storage that stalls, nor leaves it frozen when it works again", async (outer) => {
  const [image, path, notes] = [join(outer.path, "image"), `${outer.notes}-at`, outer.notes];
  await Deno.writeFile(image, new Uint8Array(16 << 20));
  await Deno.mkdir(path);
  const device = await attachLoopDevice(image, signal);
  try {
    await formatDevice(device, { fsType: "ext4", label: "", uuid: crypto.randomUUID(), signal });
    await mountDevice(device, { directory: path, fsType: "ext4", signal });
    await syncFilesystem(path, signal);
    // From here on the device takes no data.
    assert.ok(await freeze("--freeze", outer.path));
    // A call that waits for the storage would never end.
    const rescue = startTimer(15_000, () => void freeze("--unfreeze", outer.path));
    try {
      const freezer = createFreezer(notes, { freezingMs: 300 });
      const run = () => freezer.run({ path, id: "a" }, { work: assert.fail, signal });
      await assert.rejects(run(), { code: "unavailable", message: /has not taken all data within 0.3 s/ });
      await assert.rejects(run(), { code: "unavailable", message: /an earlier one has not ended/ });
      const late = createFreezer(notes).run(
        { path, id: "b" },
        { work: assert.fail, signal: AbortSignal.timeout(300) },
      );
      await assert.rejects(late, { code: "deadline_exceeded" });
      assert.deepEqual(await notesIn(notes), ["a.json"], "the next daemon looks at it if this one dies");
    } finally {
      rescue.clear();
      await freeze("--unfreeze", outer.path);
    }
    while ((await notesIn(notes)).length > 0) await sleep(20);
    await Deno.writeTextFile(join(path, "file"), "written");
    assert.equal(await freeze("--unfreeze", path), false, "it is not frozen");
  } finally {
    if (await findMount(path)) await unmountDirectory(path, signal);
    await detachLoopDevice(device, signal);
  }
});

test("run() thaws what a daemon froze that is killed, and the next daemon is done with it", async ({ path, notes, write, isFrozen }) => {
  const script = new URL("./testing/freeze_filesystem.ts", import.meta.url).pathname;
  const daemon = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, path, notes],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = daemon.stdout.getReader();
  try {
    assert.ok(!(await reader.read()).done);
    assert.equal(await isFrozen(), true);
    assert.deepEqual(await notesIn(notes), ["killed.json"]);
  } finally {
    daemon.kill("SIGKILL");
    await Promise.all([reader.cancel(), daemon.stdin.close(), daemon.status]);
  }
  await write();
  assert.deepEqual(await createFreezer(notes).thawLeft(signal), []);
  assert.deepEqual([await isFrozen(), await notesIn(notes)], [false, []]);
});

test("thawLeft() thaws what is still frozen because the helper was killed too", async ({ path, notes, isFrozen }) => {
  await Deno.mkdir(notes);
  await Deno.writeTextFile(join(notes, "a.json"), JSON.stringify({ path }));
  // What a write of the note left that was cut short.
  await Deno.writeTextFile(join(notes, "b.json.new"), "{");
  assert.ok(await freeze("--freeze", path));
  assert.deepEqual(await createFreezer(notes).thawLeft(signal), []);
  assert.deepEqual([await isFrozen(), await notesIn(notes)], [false, ["b.json.new"]]);
});

Deno.test("thawLeft() warns of what it cannot thaw, forgets what is gone, and never fails", async () => {
  const scratch = await scratchDirectory();
  try {
    const notes = join(scratch.path, "notes");
    const freezer = createFreezer(notes);
    assert.deepEqual(await freezer.thawLeft(signal), []);
    await Deno.mkdir(notes);
    const file = join(scratch.path, "file");
    await Deno.writeTextFile(file, "");
    await Deno.writeTextFile(join(notes, "gone.json"), JSON.stringify({ path: `${file}-gone` }));
    await Deno.writeTextFile(join(notes, "stuck.json"), JSON.stringify({ path: file }));
    await Deno.writeTextFile(join(notes, "torn.json"), "{");
    const warnings = (await freezer.thawLeft(signal)).sort();
    assert.equal(warnings.length, 2);
    assert.match(warnings[0]!, /^\/.*file may have been left frozen: .*; thaw it: fsfreeze --unfreeze \//);
    assert.match(warnings[1]!, /^a filesystem may have been left frozen: .*torn.json/);
    assert.deepEqual((await notesIn(notes)).sort(), ["stuck.json", "torn.json"]);
    assert.equal((await createFreezer(file).thawLeft(signal)).length, 1);
  } finally {
    await scratch.remove();
  }
});
