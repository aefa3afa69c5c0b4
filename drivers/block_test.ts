import assert from "node:assert/strict";
import { join } from "node:path";
import { sleep } from "../base/delay.ts";
import { RuneError, toRuneError } from "../model/error.ts";
import { mountBlock, unmountBlock } from "./block.ts";
import { scratchDirectory } from "./conformance_trial.ts";
import { attachLoopDevice, detachLoopDevice, growUnmounted } from "./devices.ts";
import type { BegunNotes } from "./begun_notes.ts";
import { type BlockVolume, ensureFormatted } from "./formatting.ts";
import { findMount, run, unmountDirectory } from "./host.ts";

const { signal } = new AbortController();
const canLoop = Deno.uid() === 0 && await Deno.stat("/dev/loop-control").then(() => true, () => false);
const MIB = 1 << 20;
const canUnshare = canLoop && await succeeds("unshare", ["--mount", "true"]);
const UID = "7f1c1e0e-6d8c-4f6a-9a55-3d6d6a1f2c11";

/** Notes that are kept in memory. */
function noteInMemory(): BegunNotes {
  const uids = new Set<string>();
  return {
    has: (uid) => Promise.resolve(uids.has(uid)),
    add: (uid) => Promise.resolve(void uids.add(uid)),
    remove: (uid) => Promise.resolve(void uids.delete(uid)),
  };
}

const notes = noteInMemory();
const ext4 = (device: string): BlockVolume => ({ device, fsType: "ext4", uid: UID, blank: true, notes });
/** Gives a loop device, and the directory of its image. */
async function withDevice(fn: (device: string, directory: string) => Promise<void>): Promise<void> {
  const scratch = await scratchDirectory();
  const image = join(scratch.path, "image");
  await Deno.writeFile(image, new Uint8Array());
  await Deno.truncate(image, 32 << 20);
  const device = await attachLoopDevice(image, signal);
  try {
    await fn(device, scratch.path);
  } finally {
    await detachLoopDevice(device, signal);
    await scratch.remove();
  }
}

Deno.test({
  name:
    "mountBlock() mounts once, and refuses a directory where another device is mounted (needs root and loop devices)",
  ignore: !canLoop,
  fn: () =>
    withDevice((first, directory) =>
      withDevice(async (second) => {
        const at = join(directory, "mount point");
        await Deno.mkdir(at);
        try {
          await mountBlock(ext4(first), { directory: at, signal });
          await mountBlock(ext4(first), { directory: at, signal });
          const { id: _id, device: _device, ...mounted } = (await findMount(at))!;
          assert.deepEqual(mounted, {
            root: "/",
            mountPoint: at,
            fsType: "ext4",
            source: first,
            readOnly: false,
          });
          await assert.rejects(mountBlock(ext4(second), { directory: at, signal }), {
            code: "failed_precondition",
          });
          await unmountDirectory(at, signal);
          assert.equal(await findMount(at), undefined);
        } finally {
          while (await findMount(at)) await unmountDirectory(at, signal);
        }
      })
    ),
});

/** Grows the file behind a loop device, and tells the kernel. */
async function growDevice(device: string, image: string): Promise<void> {
  await Deno.truncate(image, 128 * MIB);
  await run("losetup", ["--set-capacity", device], { what: `growth of ${device}`, signal });
}

Deno.test({
  name:
    "mountBlock() mends and ends a growth that was cut short, and keeps the data (needs root and loop devices)",
  ignore: !canLoop,
  fn: () =>
    withDevice(async (device, directory) => {
      const at = join(directory, "at");
      await Deno.mkdir(at);
      const whileMounted = async (fn: () => Promise<void>) => {
        try {
          await mountBlock(ext4(device), { directory: at, signal });
          await fn();
        } finally {
          if (await findMount(at)) await unmountDirectory(at, signal);
        }
      };
      await whileMounted(() => Deno.writeTextFile(join(at, "file"), "kept"));
      await growDevice(device, join(directory, "image"));
      const cut = AbortSignal.timeout(5);
      await growUnmounted(device, { fsType: "ext4", signal: cut }).catch((error) => {
        if (!cut.aborted) throw error;
      });
      // As resize2fs leaves it when it dies: the size may be the new one, and the state says "errors".
      await run("debugfs", ["-w", "-R", "set_super_value state 2", device], { what: "debugfs", signal });
      await whileMounted(async () => {
        assert.equal(await Deno.readTextFile(join(at, "file")), "kept");
        const { stdout } = await run("dumpe2fs", ["-h", device], { what: "dumpe2fs", signal });
        assert.match(stdout, /^Filesystem state: +clean$/m);
        const blocks = Number(/^Block count: +(\d+)$/m.exec(stdout)![1]);
        const size = Number(/^Block size: +(\d+)$/m.exec(stdout)![1]);
        assert.ok(blocks * size > 100 * MIB, stdout);
      });
    }),
});

Deno.test({
  name:
    "mountBlock() neither checks nor formats a device that is mounted elsewhere (needs root and loop devices)",
  ignore: !canLoop,
  fn: () =>
    withDevice(async (device, directory) => {
      // In another directory, as the mounts of containers are.
      const places = ["one", "stage/two"].map((name) => join(directory, name));
      try {
        for (const [i, place] of places.entries()) {
          await Deno.mkdir(place, { recursive: true });
          await mountBlock({ ...ext4(device), blank: i === 0 }, { directory: place, signal });
        }
        await Deno.writeTextFile(join(places[0]!, "file"), "both");
        assert.equal(await Deno.readTextFile(join(places[1]!, "file")), "both");
      } finally {
        for (const place of places) if (await findMount(place)) await unmountDirectory(place, signal);
      }
    }),
});

Deno.test({
  name: "mountBlock() never mounts a device at the directories of two volumes (needs root and loop devices)",
  ignore: !canLoop,
  fn: () =>
    withDevice(async (device, directory) => {
      const places = ["one", "two"].map((name) => join(directory, name));
      for (const place of places) await Deno.mkdir(place);
      try {
        // Also if both come at once.
        const mounts = await Promise.allSettled(
          places.map((place) => mountBlock(ext4(device), { directory: place, signal })),
        );
        const failures = mounts.flatMap((mount) => mount.status === "rejected" ? [mount.reason] : []);
        assert.equal(failures.length, 1);
        const mounted = await Array.fromAsync(places, findMount);
        const [first, second] = mounted[0] ? places : places.toReversed();
        await assert.rejects(mountBlock({ ...ext4(device), blank: false }, { directory: second!, signal }), {
          code: "conflict",
          permanent: false,
          message: `${device} is mounted at ${first}, which is the directory of another volume`,
        });
        assert.equal(await findMount(second!), undefined);
        await mountBlock(ext4(device), { directory: first!, signal });
      } finally {
        for (const place of places) if (await findMount(place)) await unmountDirectory(place, signal);
      }
    }),
});

async function succeeds(command: string, args: string[]): Promise<boolean> {
  return await run(command, args, { what: command, signal }).then(() => true, () => false);
}

/** Mounts a device read-only where this process cannot see it, as udev does for its rules. */
const holdElsewhere = (device: string, directory: string) =>
  keepView('mount -o ro "$1" "$2"', device, directory);

/**
 * Keeps what is mounted, in a view of mounts of its own, as a container that was shown the whole host.
 *
 * @param script what the shell does there first, with `words` as its arguments.
 * @returns gives the view up.
 */
async function keepView(script = "true", ...words: string[]): Promise<() => Promise<void>> {
  const args = [
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    `${script} && echo held && exec cat`,
    "sh",
  ];
  const holder = new Deno.Command("unshare", {
    args: [...args, ...words],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = holder.stdout.getReader();
  await reader.read();
  return async () => {
    await holder.stdin.close();
    await reader.cancel();
    await holder.status;
  };
}

const busy = { code: "unavailable", hint: /fuser/ };

Deno.test({
  name:
    "mountBlock() waits for a program that has mounted the device to check, mount or format it (needs root)",
  ignore: !canUnshare,
  fn: () =>
    withDevice(async (device, directory) => {
      const [at, elsewhere] = [join(directory, "at"), join(directory, "elsewhere")];
      for (const path of [at, elsewhere]) await Deno.mkdir(path);
      const zeros = new Uint8Array(2 * MIB);
      const wipe = async () => {
        using file = await Deno.open(device, { write: true });
        await file.write(zeros);
      };
      for (const blank of [false, true]) {
        await ensureFormatted(ext4(device), signal);
        const release = await holdElsewhere(device, elsewhere);
        try {
          if (blank) await wipe();
          const volume = { ...ext4(device), blank };
          await assert.rejects(mountBlock(volume, { directory: at, signal, busyMs: 0 }), busy);
          const hint = "remove the rule";
          await assert.rejects(
            mountBlock({ ...volume, busyHint: hint }, { directory: at, signal, busyMs: 0 }),
            { code: "unavailable", hint },
          );
          await assert.rejects(
            mountBlock(volume, { directory: at, signal: AbortSignal.timeout(500) }),
            { code: "deadline_exceeded" },
          );
          const call = mountBlock(volume, { directory: at, signal });
          await Promise.all([call, sleep(400).then(release)]);
          assert.equal((await findMount(at))?.readOnly, false);
        } finally {
          await release().catch(() => {});
          if (await findMount(at)) await unmountDirectory(at, signal);
        }
      }
    }),
});

Deno.test({
  name:
    "mountBlock() never formats a volume that is not new, and uses what its hint has somebody make (needs root)",
  ignore: !canLoop,
  fn: () =>
    withDevice(async (device, directory) => {
      const at = join(directory, "at");
      await Deno.mkdir(at);
      // As after a volume that was never mounted is declared again.
      const volume = { ...ext4(device), blank: false };
      const error = await mountBlock(volume, { directory: at, signal }).catch(toRuneError);
      assert.ok(error instanceof RuneError);
      assert.match(error.message, /holds no filesystem, expected ext4: this volume has had data before/);
      assert.equal(error.permanent, false);
      const [, command, ...args] = /: (mkfs\S*) ([^;]+);/.exec(error.hint!)!;
      await run(command!, args, { what: "the command of the hint", signal });
      try {
        await mountBlock(volume, { directory: at, signal });
        assert.equal((await findMount(at))?.fsType, "ext4");
      } finally {
        if (await findMount(at)) await unmountDirectory(at, signal);
      }
    }),
});

Deno.test({
  name:
    "unmountBlock() writes all data, and mountBlock() mounts again, while another view has the volume (root)",
  ignore: !canUnshare,
  fn: () =>
    withDevice(async (device, directory) => {
      const [at, copy] = [join(directory, "at"), join(directory, "copy")];
      for (const path of [at, copy]) await Deno.mkdir(path);
      await mountBlock(ext4(device), { directory: at, signal });
      const release = await keepView();
      const image = join(directory, "copied");
      let second: string | undefined;
      try {
        await Deno.writeTextFile(join(at, "file"), "written");
        await unmountBlock(at, signal);
        // What the device has now is what another droplet would get.
        await run("cp", ["--sparse=always", join(directory, "image"), image], { what: "copy", signal });
        second = await attachLoopDevice(image, signal);
        await run("mount", ["-o", "ro", second, copy], { what: "mount", signal });
        assert.equal(await Deno.readTextFile(join(copy, "file")), "written");

        const used = { ...ext4(device), blank: false };
        await mountBlock(used, { directory: at, signal, busyMs: 300 });
        assert.equal((await findMount(at))?.readOnly, false);
        assert.equal(await Deno.readTextFile(join(at, "file")), "written");
        await unmountBlock(at, signal);
        const blank = mountBlock(ext4(device), { directory: at, signal, busyMs: 0 });
        await assert.rejects(blank, { code: "unavailable", hint: /shown the whole host/ });
      } finally {
        await release();
        for (const path of [at, copy]) if (await findMount(path)) await unmountDirectory(path, signal);
        if (second !== undefined) await detachLoopDevice(second, signal);
      }
    }),
});

Deno.test({
  name: "mountBlock() never mounts read-only because somebody else has (needs root and loop devices)",
  ignore: !canLoop,
  fn: () =>
    withDevice(async (device, directory) => {
      const [at, elsewhere] = [join(directory, "at"), join(directory, "host/elsewhere")];
      for (const path of [at, elsewhere]) await Deno.mkdir(path, { recursive: true });
      await ensureFormatted(ext4(device), signal);
      await run("mount", ["-o", "ro", device, elsewhere], { what: "mount", signal });
      try {
        for (const blank of [true, false]) {
          const volume = { ...ext4(device), blank };
          await assert.rejects(mountBlock(volume, { directory: at, signal, busyMs: 0 }), busy);
          assert.equal(await findMount(at), undefined);
        }
        await unmountDirectory(elsewhere, signal);
        await mountBlock(ext4(device), { directory: at, signal });
        assert.equal((await findMount(at))?.readOnly, false);
      } finally {
        for (const path of [at, elsewhere]) if (await findMount(path)) await unmountDirectory(path, signal);
      }
    }),
});

Deno.test("mountBlock() refuses a file in the place of a device", async () => {
  const scratch = await scratchDirectory();
  try {
    const device = join(scratch.path, "image");
    await Deno.writeFile(device, new Uint8Array(MIB));
    await assert.rejects(mountBlock(ext4(device), { directory: scratch.path, signal }), {
      code: "unavailable",
      message: /it is no block device/,
    });
    assert.deepEqual(await Deno.readFile(device), new Uint8Array(MIB));
  } finally {
    await scratch.remove();
  }
});
