/** Devices that misbehave after DigitalOcean has called their volume attached. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { createLoopBacking } from "../../tests/fakes/digitalocean/loops.ts";
import type { DeviceFault } from "../../tests/fakes/digitalocean/faults.ts";
import { noLoopDevices } from "../../tests/skips.ts";
import type { FsType } from "../devices.ts";
import { createCloudWorld } from "./testing/cloud_world.ts";

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
