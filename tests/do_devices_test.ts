/** Devices that misbehave after DigitalOcean has called their volume attached. @module */
import assert from "node:assert/strict";
import { statfsSync } from "node:fs";
import { join } from "node:path";
import { createLoopBacking } from "./fakes/digitalocean/loops.ts";
import type { DeviceFault } from "./fakes/digitalocean/faults.ts";
import { noLoopDevices } from "./skips.ts";
import type { FsType } from "../drivers/devices.ts";
import { createCloudWorld } from "../drivers/digitalocean/testing/cloud_world.ts";

const FAULTS: Record<string, DeviceFault> = {
  "that comes late": { lateMs: 700 },
  "that has another size at first": { wrongSizeMs: 700 },
  "that cannot be read at first": { unreadableMs: 700 },
  "that something else uses at first": { busyMs: 700 },
};

for (const [name, device] of Object.entries(FAULTS)) {
  for (const fsType of ["ext4", "xfs"] as const satisfies FsType[]) {
    Deno.test({
      name:
        `mount() waits for a device ${name}, and keeps the data of an ${fsType} (needs root and loop devices)`,
      ignore: noLoopDevices,
      async fn() {
        await using world = await createCloudWorld({ loops: await createLoopBacking(), fsType });
        const { fake, driver, context } = world;
        const { handle } = await driver.provision(context("data"));
        for (const blank of [true, false]) {
          const ctx = context("data", { handle, blank });
          const fault = fake.setFault({ op: "volumeActions_post_byId", type: "attach" }, { device });
          await driver.attach(ctx);
          const { path } = await driver.mount(ctx);
          assert.equal(fault.used, 1);
          const file = join(path, "file");
          if (blank) await Deno.writeTextFile(file, "kept");
          else assert.equal(await Deno.readTextFile(file), "kept");
          await driver.unmount(ctx);
          await driver.detach(ctx);
        }
      },
    });
  }
}

Deno.test({
  name: "mount() names the rule of DigitalOcean's images if something uses the device for long (needs root)",
  ignore: noLoopDevices,
  async fn() {
    const loops = await createLoopBacking();
    await using world = await createCloudWorld({ loops });
    const { fake, driver, context } = world;
    const { handle } = await driver.provision(context("data"));
    const ctx = context("data", { handle });
    fake.setFault({ op: "volumeActions_post_byId", type: "attach" }, { device: { busyMs: 60_000 } });
    await driver.attach(ctx);
    await assert.rejects(driver.mount(ctx), {
      code: "unavailable",
      hint: /99-digitalocean-automount\.rules/,
    });
    await loops.endFaults();
    await driver.mount(ctx);
    await driver.unmount(ctx);
    await driver.detach(ctx);
  },
});

for (const fsType of ["ext4", "xfs"] as const satisfies FsType[]) {
  Deno.test({
    name:
      `expand() waits until the kernel knows the size of the ${fsType}, and the next mount has it (needs root)`,
    ignore: noLoopDevices,
    async fn() {
      const loops = await createLoopBacking({ rescanMs: 500 });
      await using world = await createCloudWorld({ loops, fsType });
      const { driver, context } = world;
      const { handle } = await driver.provision(context("data"));
      const ctx = context("data", { handle });
      await driver.attach(ctx);
      const { path } = await driver.mount(ctx);
      const larger = { ...ctx, blank: false, volume: { ...ctx.volume, sizeBytes: 2e9 } };
      const { growsLater } = await driver.expand(larger);
      if (fsType === "xfs") assert.equal(growsLater, undefined);
      if (growsLater !== undefined) {
        // This host does not let a mounted ext4 grow.
        assert.deepEqual(await world.restart().mount(larger), { path, growsLater });
        await driver.unmount(larger);
        assert.deepEqual(await driver.mount(larger), { path });
      }
      const { blocks, bsize } = statfsSync(path);
      assert.ok(blocks * bsize > 1.8 * 2 ** 30, `${blocks * bsize} bytes`);
      await driver.unmount(larger);
      await driver.detach(larger);
    },
  });
}
