/** A service and the volumes of its templates, in a real store. @module */
import assert from "node:assert/strict";
import { createInitialResources } from "../../server/daemon/initial_resources.ts";
import { openStore } from "../../store/store.ts";
import { createClock } from "../../base/clock.ts";
import { makeService, makeVolume } from "../testing/resources.ts";
import { reconcileService } from "./controller.ts";

const key = { kind: "volume", namespace: "default", name: "data-web-0" } as const;

Deno.test("reconcileService() recreates a template's volume that was being deleted when its instance was created, until the instance has run", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rune-test-" });
  const store = await openStore({ dataDir: dir });
  const pass = () => reconcileService("default/web", { store, clock: createClock() });
  const volume = () => store.get("volume", "default", "data-web-0");
  try {
    await createInitialResources(store);
    const { spec, status } = makeService({
      volumes: [{
        name: "data",
        mountPath: "/data",
        claimTemplate: { size: "1Gi", accessMode: "ReadWriteOnce" },
      }],
    });
    const old = makeVolume({ storageClassName: "local" });
    await store.transact((tx) => {
      tx.create({ kind: "service", namespace: "default", name: "web", spec, status });
      tx.create({ ...key, spec: old.spec, status: { ...old.status, state: "Deleting" } });
    });
    const { uid } = volume()!;
    await pass();
    assert.equal(store.list("instance").length, 1);
    assert.equal(volume()!.uid, uid, "what is being deleted is left alone");
    await store.transact((tx) => tx.remove(key));
    await pass();
    assert.equal(volume()?.status.ownerService, "web");
    await store.transact((tx) => {
      const instance = tx.get("instance", "default", "web-0")!;
      tx.update(instance, { status: { ...instance.status, run: 1 } });
      tx.remove(key);
    });
    await pass();
    assert.equal(volume(), undefined, "data that was there is not begun anew");
  } finally {
    await store.close();
    await Deno.remove(dir, { recursive: true });
  }
});
