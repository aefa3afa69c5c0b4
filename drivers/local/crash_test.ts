import assert from "node:assert/strict";
import { join } from "node:path";
import { contextMaker, scratchDirectory } from "../conformance_trial.ts";
import { readTree } from "../conformance_tree.ts";
import type { SnapshotRef, VolumeContext } from "../driver.ts";
import { LocalDriver } from "./local_driver.ts";

const { signal } = new AbortController();
const FILES = 300;

/** Runs one call of the driver in another process, and kills it when `when` appears in `directory`. */
async function killAt(
  call: { root: string; verb: "snapshot" | "materialize"; ctx: VolumeContext; snapshot: SnapshotRef },
  seen: { directory: string; when: RegExp },
): Promise<void> {
  const { root, verb, ctx, snapshot } = call;
  const second = verb === "snapshot" ? snapshot : { from: "snapshot", snapshot };
  const code = `
    import { LocalDriver } from ${JSON.stringify(import.meta.resolve("./local_driver.ts"))};
    const ctx = { ...${JSON.stringify(ctx)}, signal: new AbortController().signal };
    await new LocalDriver({ root: ${JSON.stringify(root)} }).${verb}(ctx, ${JSON.stringify(second)});
  `;
  const watcher = Deno.watchFs(seen.directory);
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", code], stdin: "null", stdout: "null" })
    .spawn();
  const ended = child.status.then(() => watcher.close());
  for await (const { paths } of watcher) {
    if (!paths.some((path) => seen.when.test(path))) continue;
    try {
      child.kill("SIGKILL");
    } catch {
      // It was faster than the kill, and its result must be complete.
    }
    break;
  }
  await ended;
  const { success, signal: by } = await child.status;
  assert.ok(success || by === "SIGKILL", "the process ran the call until it was killed");
}

async function names(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map((entry) => entry.name).sort();
}

for (const [name, moment] of [["the hidden copy", /\.partial$/], ["the copy", /\/[0-9a-f-]{36}$/]] as const) {
  Deno.test(`snapshot() and materialize() that are killed when ${name} appears leave all or nothing, and can be repeated`, async () => {
    const scratch = await scratchDirectory();
    try {
      const root = join(scratch.path, "volumes");
      const ctx = contextMaker()("web");
      const { handle } = await new LocalDriver({ root }).provision(ctx);
      for (let i = 0; i < FILES; i++) {
        await Deno.writeFile(join(handle, `${i}`), new Uint8Array(65_536).fill(1 + i % 255));
      }
      const source = await readTree(handle);
      const first = { namespace: "default", name: "first", uid: crypto.randomUUID() };
      const made = await new LocalDriver({ root }).snapshot(ctx, first);
      const directory = join(root, ".snapshots/default");

      const snapshot = { ...first, uid: crypto.randomUUID() };
      await killAt({ root, verb: "snapshot", ctx, snapshot }, { directory, when: moment });
      const visible = (await names(directory)).filter((name) => !name.startsWith("."));
      for (const uid of visible) assert.deepEqual(await readTree(join(directory, uid)), source);

      const again = await new LocalDriver({ root }).snapshot(ctx, snapshot);
      assert.deepEqual(await readTree(again.handle), source);
      await sweepAndCheck(root, directory);
      assert.deepEqual(await names(directory), [first.uid, snapshot.uid].sort());

      const target = contextMaker()("copy");
      const namespace = join(root, "default");
      await killAt({ root, verb: "materialize", ctx: target, snapshot: { ...first, handle: made.handle } }, {
        directory: namespace,
        when: name === "the copy" ? /\/copy$/ : moment,
      });
      if ((await names(namespace)).includes("copy")) {
        assert.deepEqual(await readTree(join(namespace, "copy")), source);
      }
      const restored = await new LocalDriver({ root }).materialize(target, {
        from: "snapshot",
        snapshot: { ...first, handle: made.handle },
      });
      assert.deepEqual(await readTree(restored.handle), source);
      await sweepAndCheck(root, namespace);
      assert.deepEqual(await names(namespace), ["copy", "web"]);
    } finally {
      await scratch.remove();
    }
  });
}

// The copy that the killed process started continues for a moment. What it writes is swept when it ends.
async function sweepAndCheck(root: string, directory: string): Promise<void> {
  do await new LocalDriver({ root }).sweep(signal).catch(() => {}); while (
    (await names(directory)).some((name) => name.startsWith("."))
  );
}
