import assert from "node:assert/strict";
import { LocalDriver } from "../../drivers/local/local_driver.ts";
import { createNodes } from "../../node/node.ts";
import { makeTestNode } from "../../node/testing/test_node.ts";
import { createInitialResources } from "../../server/daemon/initial_resources.ts";
import type { Filesystem } from "../../model/filesystem.ts";
import { openStore } from "../../store/store.ts";
import { createClock } from "../../base/clock.ts";
import { acquireLease, releaseLeases } from "../leases.ts";
import { createMountedVolumes } from "../mounted_volumes.ts";
import { ago, makeVolume } from "../testing/resources.ts";
import { reconcileVolume } from "./controller.ts";

const holder = {
  instanceUid: "i",
  namespace: "default",
  instance: "web-0",
  mode: "rw" as const,
  since: ago(1),
};

Deno.test("reconcileVolume() records the filesystem of a new volume, detects that of an old one, and mounts from no other", async () => {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-" }));
  const { signal } = new AbortController();
  const store = await openStore({ dataDir: `${dir}/state` });
  const mounts = createMountedVolumes(() => {});
  const driver = new LocalDriver({ root: `${dir}/volumes` });
  const deps = {
    store,
    nodes: createNodes([makeTestNode({ directory: dir, drivers: [driver] })]),
    mounts,
    clock: createClock(),
  };
  const volume = () => store.get("volume", "default", "v")!;
  const pass = () => reconcileVolume("default/v", { deps, signal });
  const remember = (filesystem: Filesystem | undefined) =>
    store.transact((tx) => {
      const { filesystem: _, ...status } = volume().status;
      tx.update(volume(), { status: { ...status, ...(filesystem && { filesystem }) } });
    });
  const hold = async () => {
    await store.transact((tx) => void acquireLease(tx, { namespace: "default", name: "v" }, holder));
    return await pass();
  };
  const letGo = async () => {
    await store.transact((tx) => releaseLeases(tx, holder.instanceUid));
    await pass();
  };
  try {
    await createInitialResources(store);
    const { spec, status } = makeVolume({ storageClassName: "local" });
    await store.transact((tx) => {
      tx.create({ kind: "volume", namespace: "default", name: "v", spec, status });
    });
    await pass();
    const recorded = volume().status.filesystem;
    assert.ok(recorded);

    await remember(undefined);
    await hold();
    assert.deepEqual(volume().status.filesystem, recorded, "an older Rune remembered nothing");
    await letGo();

    await remember({ ...recorded, type: "xfs", id: "another" });
    assert.deepEqual(await hold(), { type: "again", afterMs: 5_000 });
    assert.equal(mounts.get(volume().uid), undefined);
    assert.match(volume().status.failureMessage!, /was made on: expected xfs mounted at/);
    const { length } = store.list("event");
    await pass();
    assert.equal(store.list("event").length, length, "it is told once");
    await remember(recorded);
    await pass();
    assert.ok(mounts.get(volume().uid));
    assert.equal(volume().status.failureMessage, undefined);
  } finally {
    await store.close();
    await Deno.remove(dir, { recursive: true });
  }
});
