import assert from "node:assert/strict";
import { keep, withMemoryRoom } from "../../reconcile/testing/memory_room.ts";
import { makeProvisionedVolume } from "../../reconcile/testing/resources.ts";
import { forgetDisks } from "./forget_disks.ts";

Deno.test("forgetDisks() never lets a device be formatted that may have been written since the backup", () =>
  withMemoryRoom(async ({ store }) => {
    const filesystem = { type: "ext4", mountPoint: "/", path: "/data", id: "1" };
    const { status } = await keep(store, makeProvisionedVolume({ status: { blank: true, filesystem } }));
    await forgetDisks(store);
    const { blank: _b, filesystem: _f, ...kept } = status;
    assert.deepEqual(store.get("volume", "default", "data")!.status, kept);
  }));
