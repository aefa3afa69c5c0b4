import assert from "node:assert/strict";
import type { FileHandle } from "node:fs/promises";
import { BindStage, clearStage, openStage, stagePath } from "./bind_stage.ts";
import { scratchDirectory } from "../../drivers/conformance_trial.ts";
import { findMount } from "../../drivers/host.ts";
import { openSubPath } from "../../drivers/mount_root.ts";
import { identityOf, openDirectory } from "../../drivers/open_directory.ts";

const { signal } = new AbortController();

/** A stage beside the directories `a` and `b`, each with a file that contains its name. */
async function withStage(
  fn: (room: { at: (name: string) => string; make: () => BindStage }) => Promise<void>,
): Promise<void> {
  const scratch = await scratchDirectory();
  const at = (name: string) => `${scratch.path}/${name}`;
  const make = () => new BindStage(at("mounts"));
  try {
    for (const name of ["a", "b"]) {
      await Deno.mkdir(at(name));
      await Deno.writeTextFile(at(`${name}/name`), name);
    }
    await fn({ at, make });
  } finally {
    await clearStage(make(), signal);
    await scratch.remove();
  }
}

const ignore = Deno.uid() !== 0;

Deno.test({
  name:
    "BindStage shows the open directory, in a place for root only, even after it was renamed (needs root)",
  ignore,
  fn: () =>
    withStage(async ({ at, make }) => {
      await using a = await openDirectory(at("a"));
      await Deno.rename(at("a"), at("moved"));
      await Deno.symlink("b", at("a"));
      const path = await make().show("v", a, signal);
      assert.equal(path, at("mounts/v"));
      assert.equal(await Deno.readTextFile(`${path}/name`), "a");
      assert.equal(await identityOf(path), await identityOf(at("moved")));
      assert.equal((await Deno.stat(at("mounts"))).mode! & 0o7777, 0o700);
    }),
});

Deno.test({
  name:
    "BindStage takes over an earlier daemon's mount, replaces another directory, and hides it once (needs root)",
  ignore,
  fn: () =>
    withStage(async ({ at, make }) => {
      await using a = await openDirectory(at("a"));
      await using b = await openDirectory(at("b"));
      const path = await make().show("v", a, signal);
      const { id } = (await findMount(path))!;
      assert.equal(await make().show("v", a, signal), path);
      assert.equal((await findMount(path))!.id, id, "the same mount");
      await Promise.all([make(), make()].map((stage) => stage.show("w.1", a, signal)));
      assert.equal(await make().show("v", b, signal), path);
      assert.equal(await Deno.readTextFile(`${path}/name`), "b");
      assert.deepEqual((await make().list()).sort(), ["v", "w.1"]);
      for (let i = 0; i < 2; i++) await make().hide("v", signal);
      await clearStage(make(), signal);
      assert.deepEqual(await make().list(), []);
      assert.deepEqual([await Deno.readTextFile(at("a/name")), await Deno.readTextFile(at("b/name"))], [
        "a",
        "b",
      ]);
      await assert.rejects(make().show("../a", a, signal), { code: "invalid_argument" });
    }),
});

Deno.test("openStage() opens a stage outside the data directory for a daemon that may mount, and otherwise a plain one", () =>
  withStage(async ({ at }) => {
    const daemonId = crypto.randomUUID();
    const open = (dataDir: string) =>
      openStage({ dataDir: at(dataDir), daemonId, engineSocket: at("engine.sock"), signal });
    const { stage, warning } = await open(".");
    try {
      await using a = await openDirectory(at("a"));
      const path = await stage.show("v", a, signal);
      assert.equal(path, ignore ? at("a") : `${stagePath(daemonId)}/v`);
      assert.equal(warning, undefined);
      if (ignore) return;
      assert.equal(await Deno.realPath(at("mounts/v")), path);
      // The next daemon finds this one's mounts.
      assert.deepEqual(
        await (await open("b")).stage
          .list(),
        ["v"],
      );
    } finally {
      await clearStage(stage, signal);
      await assert.rejects(Deno.stat(stagePath(daemonId)), Deno.errors.NotFound);
    }
  }));

Deno.test({
  name: "a subPath that is replaced by a link at any moment never shows a directory outside (needs root)",
  ignore,
  fn: () =>
    withStage(async ({ at, make }) => {
      // Do what a malicious writer of the volume could: replace the checked directory by a link before it is
      // used.
      let swapping = true;
      const swap = (async () => {
        for (let i = 0; swapping; i++) {
          await Deno.rename(at("a/sub"), at(`a/aside${i}`)).catch(() => {});
          await Deno.symlink("../b", at("a/sub")).catch(() => {});
          await Deno.remove(at("a/sub")).catch(() => {});
        }
      })();
      const stage = make();
      let shown = 0;
      try {
        await using root = await openDirectory(at("a"));
        while (shown < 5) {
          await using directory = await openSubPath(root, "sub/x").catch(() => undefined) as FileHandle;
          if (!directory) continue;
          const path = await stage.show("i.0", directory, signal);
          assert.equal(await Deno.stat(`${path}/../name`).catch(() => undefined), undefined);
          assert.match((await findMount(path))!.root, /\/a\/(sub|aside\d+)\/x$/);
          shown++;
        }
      } finally {
        swapping = false;
        await swap;
      }
      assert.deepEqual((await Array.fromAsync(Deno.readDir(at("b")))).map((e) => e.name), ["name"]);
    }),
});
