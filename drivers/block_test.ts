import assert from "node:assert/strict";
import { join } from "node:path";
import { startDeadline } from "../base/delay.ts";
import { type BlockVolume, ensureFormatted, type FormatNotes, mountBlock, mustFormat } from "./block.ts";
import { scratchDirectory } from "./conformance_trial.ts";
import {
  attachLoopDevice,
  detachLoopDevice,
  type DeviceContent,
  formatDevice,
  growUnmounted,
  probeDevice,
} from "./devices.ts";
import { findMount, run, unmountDirectory } from "./host.ts";

const { signal } = new AbortController();
const canLoop = Deno.uid() === 0 && await Deno.stat("/dev/loop-control").then(() => true, () => false);
const MIB = 1 << 20;
const UID = "7f1c1e0e-6d8c-4f6a-9a55-3d6d6a1f2c11";
const OTHER = "0d4b8f0a-52a9-4d0c-8b5e-a1c6e4b5d922";

/** Notes that are kept in memory. */
function noteInMemory(): FormatNotes {
  const uids = new Set<string>();
  return {
    has: (uid) => Promise.resolve(uids.has(uid)),
    add: (uid) => Promise.resolve(void uids.add(uid)),
    remove: (uid) => Promise.resolve(void uids.delete(uid)),
  };
}

const notes = noteInMemory();
const ext4 = (device: string): BlockVolume => ({ device, fsType: "ext4", uid: UID, blank: true, notes });
const on = (content: DeviceContent | undefined) => ({
  ...(content && { content }),
  areEndsBlank: content === undefined,
  begun: false,
});

Deno.test("mustFormat() formats what holds nothing, and what was left of formatting this very volume", () => {
  const volume = ext4("/dev/x");
  assert.equal(mustFormat(on(undefined), volume), true);
  assert.equal(mustFormat(on({ type: "ext4", label: "rune-making", uuid: UID }), volume), true);
  for (
    const found of [
      { type: "ext4" },
      { type: "ext4", uuid: UID },
      // A copy of another volume, by a snapshot of the provider.
      { type: "ext4", uuid: OTHER },
      // Somebody gave it a name.
      { type: "ext4", uuid: UID, label: "data" },
    ]
  ) assert.equal(mustFormat(on(found), volume), false);
});

Deno.test("mustFormat() refuses what is not this volume's", () => {
  for (
    const [found, message] of [
      [{ type: "xfs" }, /holds xfs, expected ext4 or nothing/],
      [{ type: "xfs", label: "rune-making", uuid: UID }, /holds xfs/],
      [{ type: "crypto_LUKS", uuid: UID }, /holds crypto_LUKS/],
      [{ type: "ext4", label: "rune-making", uuid: OTHER }, /formatting for another volume/],
      [{ type: "ext4", label: "rune-making" }, /formatting for another volume/],
    ] as const
  ) {
    assert.throws(() => mustFormat(on(found), ext4("/dev/x")), {
      code: "failed_precondition",
      permanent: true,
      message,
    });
  }
});

/** Gives a plain file, which is formatted as a device is. */
async function withImage(fn: (image: string) => Promise<void>): Promise<void> {
  const scratch = await scratchDirectory();
  try {
    const image = join(scratch.path, "image");
    await Deno.writeFile(image, new Uint8Array());
    await Deno.truncate(image, 32 * MIB);
    await fn(image);
  } finally {
    await scratch.remove();
  }
}

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

async function writeAt(device: string, at: number, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(device, { write: true });
  await file.seek(at, Deno.SeekMode.Start);
  await file.write(bytes);
}

async function digest(device: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(device))).toHex();
}

Deno.test({
  name: "ensureFormatted() formats an empty device once and then leaves it alone",
  fn: () =>
    withImage(async (device) => {
      assert.equal(await probeDevice(device, signal), undefined);
      await ensureFormatted(ext4(device), signal);
      assert.equal((await probeDevice(device, signal))?.type, "ext4");
      const made = await digest(device);
      await ensureFormatted(ext4(device), signal);
      assert.equal(await digest(device), made);
    }),
});

const text = (value: string) => new TextEncoder().encode(value);
// What blkid wants to see of each, by offset.
const SIGNATURES: Record<string, Record<number, Uint8Array>> = {
  "a partition table": {
    446: Uint8Array.of(0, 0, 2, 0, 0x83, 0, 4, 0, 8, 0, 0, 0, 0, 16),
    510: Uint8Array.of(0x55, 0xaa),
  },
  "swap space": { 1024: Uint8Array.of(1, 0, 0, 0, 255), 4086: text("SWAPSPACE2") },
  "a LUKS header": { 0: Uint8Array.of(...text("LUKS"), 0xba, 0xbe, 0, 1) },
  "two of them": {
    0: Uint8Array.of(...text("LUKS"), 0xba, 0xbe, 0, 1),
    1024: Uint8Array.of(1, 0, 0, 0, 255),
    4086: text("SWAPSPACE2"),
  },
  "another filesystem": {},
};

for (const [name, pieces] of Object.entries(SIGNATURES)) {
  Deno.test({
    name: `ensureFormatted() never formats a device that holds ${name}`,
    fn: () =>
      withImage(async (device) => {
        const entries = Object.entries(pieces);
        for (const [at, bytes] of entries) await writeAt(device, Number(at), bytes);
        if (entries.length === 0) await ensureFormatted(ext4(device), signal);
        const before = await digest(device);
        await assert.rejects(ensureFormatted({ ...ext4(device), fsType: "xfs" }, signal), {
          code: "failed_precondition",
          permanent: true,
        });
        assert.equal(await digest(device), before);
      }),
  });
}

Deno.test({
  name: "ensureFormatted() takes a device that cannot be read for unavailable, not for empty",
  fn: async () => {
    await assert.rejects(ensureFormatted(ext4("/dev/no-such-device"), signal), {
      code: "unavailable",
    });
  },
});

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

/** Runs a call that is cut short after ever more time, until it ends before it is. */
async function cutShort(call: (signal: AbortSignal) => Promise<void>, after: () => Promise<void>) {
  for (let ms = 1; ms <= 4096; ms *= 2) {
    using deadline = startDeadline(ms);
    const cut = deadline.signal;
    const done = await call(cut).then(() => true, (error) => {
      if (!cut.aborted) throw error;
      return false;
    });
    if (done) return;
    await after();
  }
  assert.fail("it never came to its end");
}

Deno.test("ensureFormatted() makes anew what it was cut short of, at any moment", () =>
  withImage(async (device) => {
    const empty = new Uint8Array(32 * MIB);
    await cutShort(
      async (cut) => {
        await writeAt(device, 0, empty);
        await ensureFormatted(ext4(device), cut);
      },
      async () => {
        await ensureFormatted(ext4(device), signal);
        await run("e2fsck", ["-f", "-n", device], { what: "check", signal });
        assert.deepEqual(await probeDevice(device, signal), { type: "ext4", uuid: UID });
      },
    );
  }));

Deno.test({
  name: "ensureFormatted() ends what was whole but still named as being made",
  fn: () =>
    withImage(async (device) => {
      await formatDevice(device, { fsType: "ext4", label: "rune-making", uuid: UID, signal });
      await assert.rejects(ensureFormatted({ ...ext4(device), uid: OTHER }, signal), /another volume/);
      await ensureFormatted(ext4(device), signal);
      assert.deepEqual(await probeDevice(device, signal), { type: "ext4", uuid: UID });
    }),
});

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
      const places = ["one", "two"].map((name) => join(directory, name));
      try {
        for (const place of places) {
          await Deno.mkdir(place);
          await mountBlock(ext4(device), { directory: place, signal });
        }
        await Deno.writeTextFile(join(places[0]!, "file"), "both");
        assert.equal(await Deno.readTextFile(join(places[1]!, "file")), "both");
      } finally {
        for (const place of places) if (await findMount(place)) await unmountDirectory(place, signal);
      }
    }),
});
