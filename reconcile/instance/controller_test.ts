/** Passes over one instance in a real store, with a runner that does not do what it reports. @module */
import assert from "node:assert/strict";
import { makeNodes } from "../../node/testing/partial_nodes.ts";
import type { Publication, Runner } from "../../runners/runner.ts";
import { createInitialResources } from "../../server/daemon/initial_resources.ts";
import { openStore } from "../../store/store.ts";
import { createClock } from "../../base/clock.ts";
import { makeInstance, makeService } from "../testing/resources.ts";
import { type InstancePassDeps, reconcileInstance } from "./controller.ts";
import { createLooks } from "./looks.ts";

Deno.test("reconcileInstance() does not publish names again and again when the runner keeps reporting others", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rune-test-" });
  const store = await openStore({ dataDir: dir });
  const published: string[][] = [];
  const runner = {
    name: "docker",
    inspect: (ref) => Promise.resolve({ ...ref, state: "running" as const, names: [] }),
    publish: (_ref, { names }: Publication) => Promise.resolve(void published.push(names)),
  } as Partial<Runner> as Runner;
  const deps = {
    store,
    nodes: makeNodes({
      bootId: "boot",
      runners: new Map([["docker", runner]]),
      probes: { watch: () => Promise.resolve(undefined) },
    }),
    looks: createLooks(),
    clock: createClock(),
    findInstance: () => store.get("instance", "default", "web-0"),
  } as Partial<Record<keyof InstancePassDeps, unknown>> as InstancePassDeps;
  try {
    await createInitialResources(store);
    const service = makeService();
    await store.transact((tx) => {
      const { spec, status } = service;
      tx.create({ kind: "service", namespace: "default", name: "web", spec, status });
    });
    await store.transact((tx) => {
      const { uid } = tx.get("service", "default", "web")!;
      const { spec, status } = makeInstance({ ...service, uid }, 0);
      tx.create({ kind: "instance", namespace: "default", name: "web-0", spec, status });
    });
    const find = () => store.get("instance", "default", "web-0");
    const { signal } = new AbortController();
    const outcome = await reconcileInstance(find()!.uid, { deps, signal });
    assert.equal(outcome.type, "failed");
    assert.deepEqual(published, [["web", "web.default.rune", "web-0"]]);
    const { ready, message } = find()!.status;
    assert.equal(ready, false);
    assert.match(message!, /its names cannot be changed on the network: its runner shows other names/);
  } finally {
    await store.close();
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("reconcileInstance() drops the in-memory state of an instance that is gone", async () => {
  const ends: string[] = [];
  const looks = createLooks();
  looks.addLook("gone");
  const deps = {
    looks,
    nodes: makeNodes({
      probes: { forget: async (uid: string) => void ends.push(`probes of ${uid}`) },
    }),
    unstored: { forget: (uid: string) => void ends.push(`status of ${uid}`) },
    findInstance: () => undefined,
  } as Partial<Record<keyof InstancePassDeps, unknown>> as InstancePassDeps;
  const { signal } = new AbortController();
  assert.deepEqual(await reconcileInstance("gone", { deps, signal }), { type: "done" });
  assert.deepEqual(ends, ["probes of gone", "status of gone"]);
  assert.equal(looks.has("gone"), false);
});
