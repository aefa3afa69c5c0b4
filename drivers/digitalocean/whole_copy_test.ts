/**
 * A snapshot of a volume that is being written to is whole: it needs no repair, and no record is torn.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { createLoopBacking } from "../../tests/fakes/digitalocean/loops.ts";
import { noLoopDevices } from "../../tests/skips.ts";
import { sleep } from "../../base/delay.ts";
import { run } from "../host.ts";
import { createCloudWorld } from "./testing/cloud_world.ts";

const { signal } = new AbortController();

const WRITER = `trap 'exit 0' TERM
n=0
while :; do
  n=$((n + 1))
  echo "record $n of many" >>"$1/records"
  sync "$1/records"
done`;

async function readRecords(directory: string): Promise<number> {
  const text = await Deno.readTextFile(join(directory, "records")).catch(() => "");
  const lines = text.split("\n");
  assert.equal(lines.pop(), "", "the last record is torn");
  lines.forEach((line, i) => assert.equal(line, `record ${i + 1} of many`));
  return lines.length;
}

async function untilMoreThan(count: number, directory: string): Promise<void> {
  // A reader may see a record that is half written.
  while (await readRecords(directory).catch(() => 0) <= count) await sleep(10);
}

for (const fsType of ["ext4", "xfs"] as const) {
  Deno.test({
    name: `snapshot() copies all that was written to an ${fsType} until then (needs root and loop devices)`,
    ignore: noLoopDevices,
    async fn() {
      const loops = await createLoopBacking();
      await using world = await createCloudWorld({ loops, fsType });
      const { driver, context } = world;
      const ctx = context("data", { handle: (await driver.provision(context("data"))).handle });
      await driver.attach(ctx);
      const { path } = await driver.mount(ctx);
      const writer = new Deno.Command("sh", { args: ["-c", WRITER, "sh", path] }).spawn();
      const ref = { namespace: "default", name: "s", uid: crypto.randomUUID() };
      let before: number, handle: string;
      try {
        await untilMoreThan(20, path);
        before = await readRecords(path).catch(() => 20);
        handle = (await driver.snapshot(ctx, ref)).handle;
        // Writes go on.
        await untilMoreThan(before + 10, path);
      } finally {
        writer.kill("SIGTERM");
        await writer.status;
      }
      if (fsType === "ext4") {
        const { stdout } = await run("dumpe2fs", ["-h", loops.imageOf(handle)], { what: "look", signal });
        assert.doesNotMatch(stdout, /needs_recovery/);
        await run("e2fsck", ["-f", "-n", loops.imageOf(handle)], { what: "check", signal });
      }
      const from = { from: "snapshot", snapshot: { ...ref, handle } } as const;
      const restored = context("copy", { blank: false });
      const copy = { ...restored, handle: (await driver.materialize(restored, from)).handle };
      await driver.attach(copy);
      const count = await readRecords((await driver.mount(copy)).path);
      assert.ok(count >= before && count < await readRecords(path), `${count} records`);
      for (const each of [ctx, copy]) {
        await driver.unmount(each);
        await driver.detach(each);
      }
    },
  });
}
