import assert from "node:assert/strict";
import { join } from "node:path";
import { createLoopBacking } from "../../tests/fakes/digitalocean/loops.ts";
import { noLoopDevices } from "../../tests/skips.ts";
import { mountVolume, provisionVolume, releaseVolume, snapshotOf } from "../conformance_calls.ts";
import { createCloudWorld } from "./testing/cloud_world.ts";

/** Appends numbered records and syncs each of them, until it is stopped. */
async function appendRecords(path: string, progress: { written: number; stop: boolean }): Promise<void> {
  using file = await Deno.open(path, { append: true, create: true });
  while (!progress.stop) {
    await file.write(new TextEncoder().encode(`${progress.written + 1}\n`));
    await file.syncData();
    progress.written++;
  }
}

for (const fsType of ["ext4", "xfs"] as const) {
  Deno.test({
    name:
      `snapshot() of a ${fsType} that is written to holds every record up to one, and those before the call`,
    ignore: noLoopDevices,
    async fn() {
      await using world = await createCloudWorld({ loops: await createLoopBacking(), fsType });
      const { driver, context } = world;
      const ctx = await provisionVolume(driver, context("data"));
      const path = await mountVolume(() => driver, ctx);
      const progress = { written: 0, stop: false };
      const writer = appendRecords(join(path, "records"), progress);
      while (progress.written < 20) await new Promise((resolve) => setTimeout(resolve, 0));
      const before = progress.written;
      const ref = snapshotOf(ctx);
      let copied = 0;
      const { handle } = await driver.snapshot(ctx, ref, {
        onCopied: async () => {
          copied = progress.written;
        },
      });
      while (progress.written <= copied) await new Promise((resolve) => setTimeout(resolve, 0));
      progress.stop = true;
      await writer;
      const target = context("copy", { blank: false });
      const copy = {
        ...target,
        ...await driver.materialize(target, { from: "snapshot", snapshot: { ...ref, handle } }),
      };
      const restored = await Deno.readTextFile(join(await mountVolume(() => driver, copy), "records"));
      const records = restored.trimEnd().split("\n").map(Number);
      assert.deepEqual(records, records.map((_, i) => i + 1));
      assert.ok(records.length >= before, `${records.length} records, at least ${before} were synced`);
      for (const each of [ctx, copy]) await releaseVolume(() => driver, each);
    },
  });
}
