import assert from "node:assert/strict";
import { join } from "node:path";
import { scratchDirectory } from "./conformance_trial.ts";
import { applyOwnership, openSubPath } from "./mount_root.ts";
import { openDirectory, pathOf } from "./open_directory.ts";

/** Opens a directory inside a volume, and tells its path. */
async function resolveSubPath(root: string, subPath: string): Promise<string> {
  await using volume = await openDirectory(root);
  await using directory = await openSubPath(volume, subPath);
  return await pathOf(directory);
}

const notRoot = Deno.uid() !== 0;

async function inVolume(fn: (root: string) => Promise<void>): Promise<void> {
  const scratch = await scratchDirectory();
  const root = join(scratch.path, "volume");
  await Deno.mkdir(root);
  await Deno.mkdir(join(scratch.path, "outside"));
  try {
    await fn(root);
  } finally {
    await scratch.remove();
  }
}

Deno.test({
  name:
    "applyOwnership() changes only the root and the given fields, and does nothing the second time (needs root)",
  ignore: notRoot,
  fn: () =>
    inVolume(async (root) => {
      await Deno.mkdir(join(root, "inner"));
      await Deno.chmod(root, 0o755);
      await using volume = await openDirectory(root);
      await applyOwnership(volume, { path: root, user: 1000, mode: "02775" });
      const after = await Deno.stat(root);
      assert.deepEqual([after.uid, after.gid, after.mode! & 0o7777], [1000, 0, 0o2775]);
      await applyOwnership(volume, { path: root, user: 1000, mode: "02775" });
      assert.deepEqual((await Deno.stat(root)).ctime, after.ctime);
      assert.equal((await Deno.stat(join(root, "inner"))).uid, 0);
      // chown clears the setgid bit; the mode asked for must win.
      await applyOwnership(volume, { path: root, group: 2000, mode: "2775" });
      const last = await Deno.stat(root);
      assert.deepEqual([last.uid, last.gid, last.mode! & 0o7777], [1000, 2000, 0o2775]);
    }),
});

Deno.test("openDirectory() follows no symbolic link anywhere on the way, and names it", () =>
  inVolume(async (root) => {
    await Deno.mkdir(join(root, "a/b"), { recursive: true });
    await Deno.symlink("a", join(root, "link"));
    for (const path of ["link", "link/b"]) {
      await assert.rejects(openDirectory(join(root, path)), { at: join(root, "link"), leadsTo: "a" });
    }
    await using directory = await openDirectory(join(root, "a/b"));
    await Deno.rename(join(root, "a"), join(root, "moved"));
    assert.equal(await pathOf(directory), join(root, "moved/b"), "the thing, not its name");
  }));

Deno.test("openSubPath() creates missing directories once, with mode 0755", () =>
  inVolume(async (root) => {
    const umask = Deno.umask(0o077);
    try {
      assert.equal(await resolveSubPath(root, "a/./b//c"), join(root, "a/b/c"));
    } finally {
      Deno.umask(umask);
    }
    assert.equal((await Deno.stat(join(root, "a/b"))).mode! & 0o777, 0o755);
    await Deno.chmod(join(root, "a"), 0o700);
    assert.equal(await resolveSubPath(root, "a/b/c"), join(root, "a/b/c"));
    assert.equal((await Deno.stat(join(root, "a"))).mode! & 0o777, 0o700);
    assert.equal(await resolveSubPath(root, ""), root);
  }));

Deno.test({
  name: "openSubPath() gives new directories the owner of the directory they are in (needs root)",
  ignore: notRoot,
  fn: () =>
    inVolume(async (root) => {
      await Deno.chown(root, 1000, 2000);
      const { uid, gid } = await Deno.stat(await resolveSubPath(root, "a/b"));
      assert.deepEqual([uid, gid], [1000, 2000]);
    }),
});

for (
  const subPath of ["..", "a/../..", "a/..", "/etc", "link", "link/x", "a/link", "file", "file/x", "nul\0"]
) {
  Deno.test(`openSubPath() refuses ${JSON.stringify(subPath)}, for good`, () =>
    inVolume(async (root) => {
      await Deno.mkdir(join(root, "a"));
      await Deno.symlink("../outside", join(root, "link"));
      await Deno.symlink(".", join(root, "a/link"));
      await Deno.writeTextFile(join(root, "file"), "");
      await assert.rejects(resolveSubPath(root, subPath), { code: "failed_precondition", permanent: true });
      assert.deepEqual(await Array.fromAsync(Deno.readDir(join(root, "../outside"))), []);
    }));
}

Deno.test("openSubPath() creates nothing if make is false", () =>
  inVolume(async (root) => {
    await using volume = await openDirectory(root);
    await assert.rejects(openSubPath(volume, "a/b", { make: false }), { code: "not_found" });
    assert.deepEqual(await Array.fromAsync(Deno.readDir(root)), []);
  }));

Deno.test("openSubPath() creates nothing outside while a component is swapped for a link", () =>
  inVolume(async (root) => {
    let swapping = true;
    const swap = (async () => {
      while (swapping) {
        await Deno.remove(join(root, "a"), { recursive: true }).catch(() => {});
        await Deno.symlink("../outside", join(root, "a")).catch(() => {});
        await Deno.remove(join(root, "a"), { recursive: true }).catch(() => {});
      }
    })();
    try {
      for (let i = 0; i < 200; i++) await resolveSubPath(root, `a/b/c${i}`).catch(() => {});
    } finally {
      swapping = false;
      await swap;
    }
    assert.deepEqual(await Array.fromAsync(Deno.readDir(join(root, "../outside"))), []);
  }));
