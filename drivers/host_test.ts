import assert from "node:assert/strict";
import { join } from "node:path";
import { scratchDirectory } from "./conformance_trial.ts";
import {
  attachLoopDevice,
  bindDirectory,
  copyTree,
  detachLoopDevice,
  detachMount,
  diskUsage,
  ensureFormatted,
  ensureMounted,
  findMemory,
  findMount,
  mountMemory,
  parseMountInfo,
  probeDevice,
  removeTree,
  unmountDirectory,
} from "./host.ts";

const { signal } = new AbortController();
const canLoop = Deno.uid() === 0 && await Deno.stat("/dev/loop-control").then(() => true, () => false);

Deno.test({
  name: "mountMemory() mounts a closed filesystem in memory, of the size asked for",
  ignore: !canLoop,
  async fn() {
    const scratch = await scratchDirectory();
    try {
      await mountMemory(scratch.path, { bytes: 1 << 20, source: "rune-test", signal });
      try {
        const mount = await findMount(await Deno.realPath(scratch.path));
        assert.equal(mount?.fsType, "tmpfs");
        assert.equal((await Deno.stat(scratch.path)).mode! & 0o777, 0o700);
        await assert.rejects(Deno.writeFile(join(scratch.path, "big"), new Uint8Array(2 << 20)), /space/i);
      } finally {
        await unmountDirectory(scratch.path, signal);
      }
    } finally {
      await scratch.remove();
    }
  },
});

Deno.test({
  name:
    "findMemory() finds a mount below a directory that was moved, and detachMount() leaves its users what they have",
  ignore: !canLoop,
  async fn() {
    const scratch = await scratchDirectory();
    const home = await Deno.realPath(scratch.path);
    const source = `rune-${crypto.randomUUID()}`;
    try {
      for (const name of ["old", "old/run", "user"]) await Deno.mkdir(join(home, name));
      await mountMemory(join(home, "old/run"), { bytes: 1 << 20, source, signal });
      await Deno.writeTextFile(join(home, "old/run/secret"), "s");
      // What a container has of it.
      await bindDirectory(join(home, "old/run"), { directory: join(home, "user"), signal });
      await Deno.rename(join(home, "old"), join(home, "moved"));
      assert.deepEqual((await findMemory(source)).sort(), [join(home, "moved/run"), join(home, "user")]);
      await detachMount(join(home, "moved/run"), signal);
      assert.deepEqual(await findMemory(source), [join(home, "user")]);
      assert.equal(await Deno.readTextFile(join(home, "user/secret")), "s");
      await unmountDirectory(join(home, "user"), signal);
      assert.deepEqual(await findMemory(source), []);
    } finally {
      for (const path of await findMemory(source)) await detachMount(path, signal);
      await scratch.remove();
    }
  },
});

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
  name:
    "ensureFormatted() formats an empty device once and then leaves it alone (needs root and loop devices)",
  ignore: !canLoop,
  fn: () =>
    withDevice(async (device) => {
      assert.equal(await probeDevice(device, signal), undefined);
      await ensureFormatted(device, { fsType: "ext4", signal });
      assert.equal(await probeDevice(device, signal), "ext4");
      const made = await digest(device);
      await ensureFormatted(device, { fsType: "ext4", signal });
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
    name: `ensureFormatted() never formats a device that holds ${name} (needs root and loop devices)`,
    ignore: !canLoop,
    fn: () =>
      withDevice(async (device) => {
        const entries = Object.entries(pieces);
        for (const [at, bytes] of entries) await writeAt(device, Number(at), bytes);
        if (entries.length === 0) await ensureFormatted(device, { fsType: "ext4", signal });
        const before = await digest(device);
        await assert.rejects(ensureFormatted(device, { fsType: "xfs", signal }), {
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
    await assert.rejects(ensureFormatted("/dev/no-such-device", { fsType: "ext4", signal }), {
      code: "unavailable",
    });
  },
});

Deno.test({
  name:
    "ensureMounted() mounts once, and refuses a directory where another device is mounted (needs root and loop devices)",
  ignore: !canLoop,
  fn: () =>
    withDevice((first, directory) =>
      withDevice(async (second) => {
        const at = join(directory, "mount point");
        await Deno.mkdir(at);
        await ensureFormatted(first, { fsType: "ext4", signal });
        await ensureFormatted(second, { fsType: "ext4", signal });
        try {
          await ensureMounted(first, { directory: at, fsType: "ext4", signal });
          await ensureMounted(first, { directory: at, fsType: "ext4", signal });
          const { id: _id, device: _device, ...mounted } = (await findMount(at))!;
          assert.deepEqual(mounted, {
            root: "/",
            mountPoint: at,
            fsType: "ext4",
            source: first,
            readOnly: false,
          });
          await assert.rejects(ensureMounted(second, { directory: at, fsType: "ext4", signal }), {
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

Deno.test("parseMountInfo() reads optional fields, escapes and read-only mounts", () => {
  const table = `36 35 98:0 / /mnt\\040two rw,noatime master:1 shared:2 - ext4 /dev/a\\134b rw
37 35 0:5 / /proc ro,nosuid - proc proc rw
`;
  assert.deepEqual(parseMountInfo(table), [
    {
      id: "36",
      device: "98:0",
      root: "/",
      mountPoint: "/mnt two",
      fsType: "ext4",
      source: "/dev/a\\b",
      readOnly: false,
    },
    {
      id: "37",
      device: "0:5",
      root: "/",
      mountPoint: "/proc",
      fsType: "proc",
      source: "proc",
      readOnly: true,
    },
  ]);
});

Deno.test("a failed command's own sentence is in the error", async () => {
  const scratch = await scratchDirectory();
  try {
    const copied = copyTree(join(scratch.path, "missing"), { target: join(scratch.path, "target"), signal });
    await assert.rejects(copied, {
      code: "unavailable",
      message: /missing': No such file or directory \(cp, exit code 1\)/,
    });
    await assert.rejects(diskUsage(join(scratch.path, "missing"), signal), { code: "unavailable" });
    await removeTree(join(scratch.path, "missing"), signal);
  } finally {
    await scratch.remove();
  }
});
