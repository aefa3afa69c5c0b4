/** A volume is not mounted while the mounts of a run that holds it cannot be determined. @module */
import assert from "node:assert/strict";
import { BindStage, clearStage } from "../../node/mounts/bind_stage.ts";
import { createNodes } from "../../node/node.ts";
import { makeTestNode } from "../../node/testing/test_node.ts";
import { LocalDriver } from "../../drivers/local/local_driver.ts";
import { createDockerRunner } from "../../runners/docker/runner.ts";
import { createInitialResources } from "../../server/daemon/initial_resources.ts";
import { openStore } from "../../store/store.ts";
import { createClock } from "../../base/clock.ts";
import { acquireLease } from "../leases.ts";
import { createMountedVolumes } from "../mounted_volumes.ts";
import { reconcileSnapshot } from "../snapshot/controller.ts";
import { ago, makeInstance, makeService, makeSnapshot, makeVolume } from "../testing/resources.ts";
import { reconcileVolume } from "./controller.ts";

Deno.test("reconcileVolume() mounts nothing, and no snapshot is taken, while the Engine of a holder's run is unreachable", async () => {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-" }));
  const { signal } = new AbortController();
  const store = await openStore({ dataDir: `${dir}/state` });
  const docker = createDockerRunner({ socket: `${dir}/no-engine.sock`, daemonId: "d" });
  const stage = new BindStage(`${dir}/mounts`);
  const node = makeTestNode({
    directory: dir,
    drivers: [new LocalDriver({ root: `${dir}/volumes` })],
    runners: [docker],
    stage,
  });
  const deps = {
    store,
    nodes: createNodes([node]),
    mounts: createMountedVolumes(() => {}),
    clock: createClock(),
  };
  const volume = () => store.get("volume", "default", "v")!;
  const pass = () => reconcileVolume("default/v", { deps, signal });
  try {
    await createInitialResources(store);
    const service = makeService({ volumes: [{ name: "d", mountPath: "/data", claim: { name: "v" } }] });
    const { spec, status, name } = makeInstance(service, 0);
    await store.transact((tx) => {
      const of = makeVolume({ storageClassName: "local" });
      tx.create({ kind: "volume", namespace: "default", name: "v", spec: of.spec, status: of.status });
      const { uid } = tx.create({ kind: "instance", namespace: "default", name, spec, status });
      const holder = {
        instanceUid: uid,
        namespace: "default",
        instance: name,
        mode: "rw" as const,
        since: ago(1),
      };
      acquireLease(tx, { namespace: "default", name: "v" }, holder);
      const copy = makeSnapshot();
      tx.create({
        kind: "snapshot",
        namespace: "default",
        name: "s",
        spec: { ...copy.spec, source: { volume: "v" } },
        status: copy.status,
      });
    });
    assert.equal((await pass()).type, "failed");
    assert.equal(deps.mounts.get(volume().uid), undefined);
    assert.match(volume().status.failureMessage!, /Docker/);
    assert.deepEqual(await node.volumes.listOwners(signal), []);

    await reconcileSnapshot("default/s", { deps, signal });
    const { state, failureMessage } = store.get("snapshot", "default", "s")!.status;
    assert.deepEqual([state, failureMessage], ["Pending", "waits for volume default/v to be mounted"]);
  } finally {
    docker.close();
    await store.close();
    await clearStage(stage, signal);
    await Deno.remove(dir, { recursive: true });
  }
});
