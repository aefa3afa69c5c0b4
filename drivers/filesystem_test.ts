import assert from "node:assert/strict";
import { join } from "node:path";
import { makeLoopFilesystem } from "../scripts/loop_filesystem.ts";
import { capture } from "../scripts/command.ts";
import type { Filesystem } from "../model/filesystem.ts";
import { noLoopDevices, noRoot } from "../tests/skips.ts";
import { scratchDirectory } from "./conformance_trial.ts";
import { isSameFilesystem } from "../model/filesystem.ts";
import { locatePath } from "./filesystem.ts";
import { bindDirectory, unmountDirectory } from "./host.ts";

const { signal } = new AbortController();
const disk: Filesystem = { type: "ext4", mountPoint: "/data", path: "/v", id: "fsid a" };
const memory: Filesystem = { type: "tmpfs", mountPoint: "/data", path: "/" };

const CASES: [what: string, expected: Filesystem, found: Filesystem, same: boolean][] = [
  ["itself", disk, disk, true],
  ["itself, mounted elsewhere", disk, { ...disk, mountPoint: "/mnt" }, true],
  ["itself under another driver's name", disk, { ...disk, type: "ext3" }, true],
  ["another of its kind in its place", disk, { ...disk, id: "fsid b" }, false],
  ["another directory of it, as where a bind mount is missing", disk, { ...disk, path: "/x/v" }, false],
  ["itself where its id cannot be read", disk, { type: "ext4", mountPoint: "/data", path: "/v" }, true],
  ["what is below where ids cannot be read", disk, { type: "ext4", mountPoint: "/", path: "/v" }, false],
  ["a new one in memory", memory, { ...memory }, true],
  ["a disk below one in memory", memory, { ...disk, mountPoint: "/", path: "/data" }, false],
  ["one in memory elsewhere", memory, { ...memory, mountPoint: "/run" }, false],
];

for (const [what, expected, found, same] of CASES) {
  Deno.test(`isSameFilesystem() takes ${what} for ${same ? "the same" : "another"}`, () => {
    assert.equal(isSameFilesystem(expected, found), same);
  });
}

Deno.test({
  name:
    "locatePath() distinguishes a bind mount from the directory below it, and finds where a missing path would be created",
  ignore: noRoot,
  async fn() {
    const scratch = await scratchDirectory();
    const at = (name: string) => join(scratch.path, name);
    try {
      for (const name of ["big/data", "data"]) await Deno.mkdir(at(name), { recursive: true });
      const look = async (name: string) =>
        (await locatePath(at(name), { base: scratch.path, signal })).filesystem;
      const below = await look("data/a/b");
      await bindDirectory(at("big/data"), { directory: at("data"), signal });
      try {
        const above = await look("data/a/b");
        assert.equal(isSameFilesystem(below, above), false);
        assert.deepEqual(above.path, below.path.replace("/data/a/b", "/big/data/a/b"));
        assert.equal(isSameFilesystem(await look("big/data/a/b"), above), true);
      } finally {
        await unmountDirectory(at("data"), signal);
      }
    } finally {
      await scratch.remove();
    }
  },
});

for (const type of ["ext4", "xfs", "btrfs"] as const) {
  Deno.test({
    name: `locatePath() identifies a ${type} filesystem by an id that no other one has`,
    ignore: noRoot || noLoopDevices,
    async fn() {
      const size = type === "xfs" ? 320 : type === "btrfs" ? 128 : 16;
      await using one = await makeLoopFilesystem(type, size);
      await using other = await makeLoopFilesystem(type, size);
      const look = async (path: string) => (await locatePath(path, { base: path, signal })).filesystem;
      const [first, again, second] = [await look(one.path), await look(one.path), await look(other.path)];
      assert.ok(first.id !== undefined, JSON.stringify(first));
      assert.deepEqual(first, again);
      assert.notEqual(first.id, second.id);
    },
  });
}

Deno.test({
  name: "locatePath() distinguishes a mounted btrfs subvolume from the directory below it, in one filesystem",
  ignore: noRoot || noLoopDevices,
  async fn() {
    await using disk = await makeLoopFilesystem("btrfs", 128);
    const must = async (...argv: string[]) => {
      const { code, stderr } = await capture(argv);
      assert.equal(code, 0, stderr);
    };
    await must("btrfs", "subvolume", "create", `${disk.path}/@data`);
    await Deno.mkdir(`${disk.path}/data`);
    const look = async () => (await locatePath(`${disk.path}/data`, { base: disk.path, signal })).filesystem;
    const below = await look();
    await must("mount", "--bind", `${disk.path}/@data`, `${disk.path}/data`);
    try {
      const above = await look();
      assert.equal(above.id, below.id);
      assert.equal(isSameFilesystem(below, above), false);
    } finally {
      await unmountDirectory(`${disk.path}/data`, signal);
    }
  },
});
