import assert from "node:assert/strict";
import { keep, withMemoryRoom } from "../../reconcile/testing/memory_room.ts";
import { makeProvisionedVolume, makeSnapshot, makeVolume } from "../../reconcile/testing/resources.ts";
import { doubtUnfinished, forgetDisks } from "./forget_disks.ts";

Deno.test("forgetDisks() never lets a device be formatted that may have been written since the backup", () =>
  withMemoryRoom(async ({ store }) => {
    const filesystem = { type: "ext4", mountPoint: "/", path: "/data", id: "1" };
    const { status } = await keep(store, makeProvisionedVolume({ status: { blank: true, filesystem } }));
    await forgetDisks(store);
    const { blank: _b, filesystem: _f, ...kept } = status;
    assert.deepEqual(store.get("volume", "default", "data")!.status, kept);
  }));

Deno.test("doubtUnfinished() marks the volumes and snapshots that had no handle, and no others", () =>
  withMemoryRoom(async ({ store }) => {
    await keep(store, makeVolume({}, { name: "pending" }));
    await keep(store, makeProvisionedVolume({ name: "done" }));
    for (const state of ["Pending", "Creating", "Failed"] as const) {
      await keep(store, makeSnapshot({ name: state.toLowerCase(), status: { state } }));
    }
    await keep(store, makeSnapshot({ name: "ready", status: { state: "Ready", handle: "h" } }));
    await doubtUnfinished(store);
    const volumes = store.list("volume").filter(({ status }) => status.mayHoldData);
    assert.deepEqual(volumes.map(({ name }) => name), ["pending"]);
    const snapshots = store.list("snapshot").filter(({ status }) => status.retake);
    assert.deepEqual(snapshots.map(({ name }) => name).sort(), ["creating", "failed", "pending"]);
  }));
