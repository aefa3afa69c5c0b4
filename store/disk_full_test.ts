import assert from "node:assert/strict";
import { openStore, type Store } from "./store.ts";
import { configmap, contents, withDir } from "./store_fixture.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const SKIP = Deno.uid() !== 0 || !exists("/dev/loop-control");
if (SKIP) console.warn("disk_full_test.ts: skipped, it needs root and loop devices");

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  assert.ok(success, `${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** Runs `test` on a separate filesystem of 16 MiB. */
function withSmallDisk(test: (mountPoint: string) => Promise<void>): Promise<void> {
  return withDir(async (dir) => {
    const [image, mountPoint] = [`${dir}/image`, `${dir}/mnt`];
    await Deno.mkdir(mountPoint);
    await Deno.writeFile(image, new Uint8Array());
    await Deno.truncate(image, 16 * 1024 * 1024);
    await run("mkfs.ext4", "-q", "-m", "0", image);
    await run("mount", "-o", "loop", image, mountPoint);
    try {
      await test(mountPoint);
    } finally {
      await run("umount", mountPoint);
    }
  });
}

/** Uses up every free block. */
function fill(path: string): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  for (let block = new Uint8Array(65_536); block.length >= 512;) {
    try {
      file.writeSync(block);
    } catch {
      block = block.subarray(0, block.length / 2);
    }
  }
}

/** Writes until the disk is full. Returns the number of acknowledged writes, and the refusal. */
async function writeUntilRefused(store: Store, size: number): Promise<unknown> {
  for (let n = 0; n < 2000; n++) {
    try {
      await store.transact((tx) => tx.create(configmap(crypto.randomUUID(), "x".repeat(size))));
    } catch (error) {
      return error;
    }
  }
}

for (const [what, size] of [["small", 2000], ["larger than a KV commit", 1_500_000]] as const) {
  Deno.test({
    name:
      `a full disk refuses writes (${what}) with unavailable, keeps reads and all that was acknowledged, and recovers`,
    ignore: SKIP,
    fn: () =>
      withSmallDisk(async (mountPoint) => {
        const dataDir = `${mountPoint}/data`;
        let store = await openStore({ dataDir });
        try {
          await store.transact((tx) => tx.create(configmap("first")));
          fill(`${mountPoint}/filler`);
          const error = await writeUntilRefused(store, size);
          assert.ok(error instanceof Error && "code" in error && "hint" in error, String(error));
          assert.equal(error.code, "unavailable");
          assert.match(String(error.hint), /room/);
          const kept = contents(store);
          assert.ok(store.get("configmap", "default", "first"));
          await store.check();
          await Deno.remove(`${mountPoint}/filler`);
          await store.transact((tx) => tx.create(configmap("after")));
          assert.equal(contents(store).length, kept.length + 1);
          const before = contents(store);
          await store.close();
          store = await openStore({ dataDir });
          assert.deepEqual(contents(store), before);
        } finally {
          await store.close();
        }
      }),
  });
}

Deno.test({
  name: "openStore() refuses a read-only filesystem and gives the reason",
  ignore: SKIP,
  fn: () =>
    withSmallDisk(async (mountPoint) => {
      const dataDir = `${mountPoint}/data`;
      await (await openStore({ dataDir })).close();
      await run("mount", "-o", "remount,ro", mountPoint);
      await assert.rejects(openStore({ dataDir }), { code: "failed_precondition", message: /read-only/i });
      await assert.rejects(openStore({ dataDir: `${mountPoint}/other` }), { code: "failed_precondition" });
    }),
});
