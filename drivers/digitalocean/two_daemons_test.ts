/** Two daemons of one machine with one installation name meet at the hold of a volume's directory. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { createLoopBacking } from "../../tests/fakes/digitalocean/loops.ts";
import { noLoopDevices } from "../../tests/skips.ts";
import { scratchDirectory } from "../conformance_trial.ts";
import { DirectoryHolds } from "../directory_hold.ts";
import { createBegunNotes } from "../begun_notes.ts";
import { findMount } from "../host.ts";
import { whereIs } from "../open_directory.ts";
import { DoVolumeDriver } from "./do_driver.ts";
import { createCloudWorld } from "./testing/cloud_world.ts";

Deno.test({
  name: "a volume that two daemons of one machine have mounted belongs to the one that was first",
  ignore: noLoopDevices,
  async fn() {
    const scratch = await scratchDirectory();
    try {
      await using world = await createCloudWorld({ loops: await createLoopBacking() });
      const second = new DoVolumeDriver({
        cloud: world.cloud,
        mountRoot: join(scratch.path, "mounts"),
        notes: createBegunNotes(join(scratch.path, "formatting")),
      });
      const holdsOf = (daemonId: string) =>
        new DirectoryHolds({ daemonId, dataDir: `/data/${daemonId}` }, { place: join(scratch.path, "held") });
      const ctx = world.context("data");
      const { handle } = await world.driver.provision(ctx);
      await world.driver.attach({ ...ctx, handle });
      const { path } = await world.driver.mount({ ...ctx, handle });
      await holdsOf("first").take(await whereIs(path), { uid: ctx.volume.uid, name: "default/data" });

      const volume = { ...ctx.volume, uid: crypto.randomUUID() };
      const other = { ...ctx, volume, blank: false };
      assert.deepEqual(await second.provision(other), { handle, adopted: true });
      await second.attach({ ...other, handle });
      const { path: beside } = await second.mount({ ...other, handle });
      try {
        assert.notEqual(beside, path);
        const held = holdsOf("second").take(await whereIs(beside), { uid: volume.uid, name: "default/data" });
        await assert.rejects(held, { code: "conflict" });
      } finally {
        await second.unmount({ ...other, handle });
      }
      assert.ok(await findMount(path), "the first one still has it");
    } finally {
      await scratch.remove();
    }
  },
});
