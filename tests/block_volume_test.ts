/**
 * Tests the volume controller on a real block device: mounts of a killed daemon are cleaned up, and a volume
 * grows as soon as it is possible.
 * @module
 */
import assert from "node:assert/strict";
import { statfsSync } from "node:fs";
import { BindStage } from "../node/mounts/bind_stage.ts";
import { findLoopDevice } from "../drivers/devices.ts";
import { parseMountInfo } from "../drivers/host.ts";
import { LoopTestDriver } from "../drivers/loop_test_driver.ts";
import { createNodes } from "../node/node.ts";
import { makeTestNode } from "../node/testing/test_node.ts";
import { acquireLease, releaseLeases } from "../reconcile/leases.ts";
import { createClock } from "../base/clock.ts";
import { createMountedVolumes } from "../reconcile/mounted_volumes.ts";
import { reconcileVolume } from "../reconcile/volume/controller.ts";
import { createInitialResources } from "../server/daemon/initial_resources.ts";
import { openStore } from "../store/store.ts";
import { noLoopDevices } from "./skips.ts";

const MIB = 2 ** 20;
const holder = {
  instanceUid: "i",
  namespace: "default",
  instance: "web-0",
  mode: "rw" as const,
  since: "2026-01-01T00:00:00.000Z",
};

function readCapacity(path: string): number {
  const { blocks, bsize } = statfsSync(path);
  return blocks * bsize;
}

Deno.test({
  name: "a block volume is mounted while someone holds its lease, grows, and survives a killed daemon",
  ignore: noLoopDevices,
  async fn() {
    const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-loop-" }));
    const { signal } = new AbortController();
    const driver = new LoopTestDriver({ root: dir, fsType: "ext4" });
    const store = await openStore({ dataDir: `${dir}/state` });
    const newDaemon = () => ({
      store,
      nodes: createNodes([
        makeTestNode({ directory: dir, drivers: [driver], stage: new BindStage(`${dir}/mounts`) }),
      ]),
      mounts: createMountedVolumes(() => {}),
      clock: createClock(),
    });
    let deps = newDaemon();
    const pass = () => reconcileVolume("default/v", { deps, signal });
    const volume = () => store.get("volume", "default", "v")!;
    const hold = () =>
      store.transact((tx) => void acquireLease(tx, { namespace: "default", name: "v" }, holder));
    const letGo = () => store.transact((tx) => releaseLeases(tx, holder.instanceUid));
    const resize = (size: string) =>
      store.transact((tx) => tx.update(volume(), { spec: { ...volume().spec, size } }));
    try {
      await createInitialResources(store);
      const classSpec = {
        driver: driver.name,
        parameters: {},
        reclaimPolicy: "delete" as const,
        default: false,
      };
      await store.transact((tx) => {
        tx.create({
          kind: "storageClass",
          namespace: "",
          name: "loop",
          spec: { ...classSpec, allowedTopologies: [] },
          status: {},
        });
        tx.create({
          kind: "volume",
          namespace: "default",
          name: "v",
          finalizers: ["rune.io/reclaim"],
          spec: {
            storageClassName: "loop",
            size: "32Mi",
            accessMode: "ReadWriteOnce",
            reclaimPolicy: "delete",
            parameters: {},
          },
          status: { state: "Pending", attempts: 0, conditions: [] },
        });
      });
      await pass();
      await hold();
      await pass();
      const { mountPath, state } = volume().status;
      assert.equal(state, "Bound");
      await Deno.writeTextFile(`${mountPath}/data`, "kept");

      await resize("128Mi");
      await pass();
      assert.equal(volume().status.sizeBytes, 128 * MIB);
      // Some kernels let nobody grow a mounted ext4. Then it grows at the next mount.
      const [waiting] = volume().status.conditions;
      if (waiting) {
        assert.match(waiting.message!, /grows to 128Mi at the next mount, when default\/web-0 has let/);
      } else assert.ok(readCapacity(mountPath!) > 96 * MIB);

      // The daemon dies while it is mounted, and the instance is gone before the next daemon looks.
      deps = newDaemon();
      await letGo();
      await pass();
      assert.deepEqual([volume().status.state, volume().status.conditions], ["Available", []]);
      assert.equal(volume().status.sizeBytes, 128 * MIB);
      assert.equal(mountPath, `${dir}/mounts/${volume().uid}`);
      const below = parseMountInfo(await Deno.readTextFile("/proc/self/mountinfo"))
        .filter((m) => m.mountPoint.startsWith(`${dir}/`));
      assert.deepEqual(below, [], "neither the stage nor the driver shows it");
      assert.equal(await findLoopDevice(volume().status.handle!, signal), undefined);

      // A deleted class blocks neither mount nor deletion.
      await store.transact((tx) => tx.remove({ kind: "storageClass", namespace: "", name: "loop" }));
      await hold();
      await pass();
      assert.ok(readCapacity(mountPath!) > 96 * MIB);
      assert.equal(await Deno.readTextFile(`${mountPath}/data`), "kept");
      await letGo();
      const { handle } = volume().status;
      await store.transact((tx) => tx.update(volume(), { deletionRequestedAt: tx.now }));
      await pass();
      assert.equal(volume(), undefined);
      await assert.rejects(Deno.stat(handle!), Deno.errors.NotFound);
    } finally {
      if (volume()) {
        await letGo();
        await pass();
      }
      await store.close();
      await Deno.remove(dir, { recursive: true });
    }
  },
});
