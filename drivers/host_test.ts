import assert from "node:assert/strict";
import { join } from "node:path";
import { scratchDirectory } from "./conformance_trial.ts";
import {
  bindDirectory,
  copyTree,
  detachMount,
  diskUsage,
  findMemory,
  findMount,
  mountMemory,
  parseMountInfo,
  removeTree,
  unmountDirectory,
} from "./host.ts";

const { signal } = new AbortController();
const canLoop = Deno.uid() === 0 && await Deno.stat("/dev/loop-control").then(() => true, () => false);

Deno.test({
  name: "mountMemory() mounts a private tmpfs of the requested size",
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
  name: "findMemory() finds a mount below a moved directory, and detachMount() does not disturb its users",
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
