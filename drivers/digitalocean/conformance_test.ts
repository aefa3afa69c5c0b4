import { noLoopDevices } from "../../tests/skips.ts";
import { createLoopBacking } from "../../tests/fakes/digitalocean/loops.ts";
import { driverConformance } from "../conformance.ts";
import { createCloudWorld } from "./testing/cloud_world.ts";

for (const fsType of ["ext4", "xfs"] as const) {
  driverConformance({
    name: `do-volume ${fsType} (needs root and loop devices)`,
    snapshots: true,
    ignore: noLoopDevices,
    make: async () => {
      const world = await createCloudWorld({ loops: await createLoopBacking(), fsType });
      const { driver, restart, context } = world;
      const cleanup = async () => await world[Symbol.asyncDispose]();
      // DigitalOcean's sizes are whole numbers of GiB.
      return { driver, restart, context, growBy: 2 ** 30, cleanup };
    },
  });
}
