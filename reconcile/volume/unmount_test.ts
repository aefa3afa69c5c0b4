/** No instance starts with a path that is being unmounted. @module */
import assert from "node:assert/strict";
import type { Driver } from "../../drivers/driver.ts";
import { LocalDriver } from "../../drivers/local/local_driver.ts";
import { createNodes } from "../../node/node.ts";
import { makeTestNode } from "../../node/testing/test_node.ts";
import { createInitialResources } from "../../server/daemon/initial_resources.ts";
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

Deno.test("reconcileVolume() forgets a path before it unmounts, even if the unmount fails", async () => {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-" }));
  const { signal } = new AbortController();
  const store = await openStore({ dataDir: `${dir}/state` });
  const mounts = createMountedVolumes(() => {});
  const seen: (string | undefined)[] = [];
  let broken = true;
  const local = new LocalDriver({ root: `${dir}/volumes` });
  // Behaves like the real driver; unmount fails like that of a busy device.
  const driver: Driver = new Proxy(local, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function") return member;
      return async (...args: unknown[]) => {
        if (property === "unmount") {
          seen.push(mounts.get(volume().uid)?.path);
          if (broken) throw new Error("target is busy");
        }
        return await member.apply(target, args);
      };
    },
  });
  const deps = {
    store,
    nodes: createNodes([makeTestNode({ directory: dir, drivers: [driver] })]),
    mounts,
    clock: createClock(),
  };
  const volume = () => store.get("volume", "default", "v")!;
  const pass = () => reconcileVolume("default/v", { deps, signal });
  const hold = () =>
    store.transact((tx) => void acquireLease(tx, { namespace: "default", name: "v" }, holder));
  const letGo = () => store.transact((tx) => releaseLeases(tx, holder.instanceUid));
  try {
    await createInitialResources(store);
    const { spec, status } = makeVolume({ storageClassName: "local" });
    await store.transact((tx) => {
      tx.create({ kind: "volume", namespace: "default", name: "v", spec, status });
    });
    await pass();
    await hold();
    await pass();
    assert.ok(mounts.get(volume().uid));
    await letGo();
    assert.equal((await pass()).type, "failed");
    assert.deepEqual(seen, [undefined]);
    assert.equal(mounts.get(volume().uid), undefined, "it may be half unmounted");

    await hold();
    await pass();
    assert.ok(mounts.get(volume().uid), "a mount sets it again");
    await letGo();
    broken = false;
    await pass();
    assert.deepEqual(seen, [undefined, undefined]);
    assert.equal(volume().status.state, "Available");
  } finally {
    await store.close();
    await Deno.remove(dir, { recursive: true });
  }
});
