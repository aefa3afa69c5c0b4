/**
 * Runs the snapshot policy controller on a real store. The test moves the clock and plays the driver.
 * @module
 */
import assert from "node:assert/strict";
import type { Driver } from "../../drivers/driver.ts";
import { makeNodes } from "../../node/testing/partial_nodes.ts";
import { isName } from "../../model/name.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { VolumeSpec, VolumeStatus } from "../../model/volume.ts";
import type { Store } from "../../store/store.ts";
import { withStore } from "../../store/store_fixture.ts";
import { makeClass, makeProvisionedVolume, makeService } from "../testing/resources.ts";
import { numberOf } from "./plan.ts";
import { reconcileSnapshotPolicy } from "./controller.ts";

const HOUR = 3_600_000;
const drivers = new Map([["local", { capabilities: { snapshots: true } } as Driver]]);
const nodes = makeNodes({ drivers });

interface World {
  store: Store;
  /** Moves the clock. */
  wait(ms: number): void;
  addVolume(name: string, more?: Partial<VolumeSpec>, status?: Partial<VolumeStatus>): Promise<void>;
  /** Runs a pass over a volume. */
  pass(name?: string): Promise<void>;
  /** Finishes every open snapshot with a status, and removes those that are being deleted. */
  finish(state: "Ready" | "Failed"): Promise<void>;
  /** Names of all snapshots, in the order they were taken. */
  names(): string[];
}

async function withWorld(test: (world: World) => Promise<void>): Promise<void> {
  let now = Date.parse("2026-01-01T00:00:00.000Z");
  const clock = () => new Date(now);
  await withStore(async ({ store }) => {
    const snapshots = () => store.list("snapshot").sort((a, b) => numberOf(a) - numberOf(b));
    await test({
      store,
      wait: (ms) => void (now += ms),
      addVolume: async (name, more = {}, status = {}) => {
        const { spec, ...rest } = makeProvisionedVolume({ name, status });
        await store.transact((tx) => void tx.create({ ...rest, spec: { ...spec, ...more } }));
      },
      async pass(name = "data") {
        assert.notEqual(
          (await reconcileSnapshotPolicy(`default/${name}`, { store, nodes, clock: { now: clock } })).type,
          "failed",
        );
      },
      async finish(state) {
        await store.transact((tx) => {
          for (const snapshot of tx.list("snapshot")) {
            if (snapshot.deletionRequestedAt !== undefined) tx.remove(snapshot);
            else if (snapshot.status.state === "Pending") {
              tx.update<"snapshot">(snapshot, {
                status: { ...snapshot.status, state, failureMessage: "no room" },
              });
            }
          }
        });
      },
      names: () => snapshots().map((s: Snapshot) => s.name),
    });
  }, { clock });
}

const policy = { every: "1h", keep: 2 };
const auto = (name: string, hours: number) =>
  `${name}-auto-${Date.parse("2026-01-01T00:00:00Z") / 1000 + hours * 3600}`;

Deno.test("reconcileSnapshotPolicy() takes one snapshot an hour, keeps the newest two, and reports when the next is due", () =>
  withWorld(async ({ store, addVolume, pass, wait, finish, names }) => {
    await addVolume("data", { snapshotPolicy: policy });
    await pass();
    assert.deepEqual(names(), []);
    const status = () => store.get("volume", "default", "data")!.status.snapshots;
    assert.deepEqual(status(), { policy, nextAt: "2026-01-01T01:00:00.000Z" });
    for (const hours of [1, 2, 3]) {
      wait(HOUR);
      await pass();
      await pass();
      assert.equal(names().at(-1), auto("data", hours));
      assert.equal(status()!.taking, auto("data", hours));
      await finish("Ready");
      await pass();
      await finish("Ready");
    }
    assert.deepEqual(names(), [auto("data", 2), auto("data", 3)]);
    const last = { name: auto("data", 3), at: "2026-01-01T03:00:00.000Z" };
    assert.deepEqual(status(), { policy, last, nextAt: "2026-01-01T04:00:00.000Z" });
    const [event] = store.list("event", "default");
    assert.deepEqual([event!.spec.reason, event!.spec.object.name], ["SnapshotRemoved", "data"]);
    const { resourceVersion } = store.get("volume", "default", "data")!;
    await pass();
    assert.equal(
      store.get("volume", "default", "data")!.resourceVersion,
      resourceVersion,
      "nothing to write",
    );
  }));

Deno.test("reconcileSnapshotPolicy() takes one snapshot after a long downtime or after failures", () =>
  withWorld(async ({ store, addVolume, pass, wait, finish, names }) => {
    await addVolume("data", { snapshotPolicy: { every: "1h", keep: 1 } });
    wait(HOUR);
    await pass();
    await finish("Ready");
    wait(100 * HOUR);
    for (let i = 0; i < 3; i++) await pass();
    await finish("Failed");
    await pass();
    assert.deepEqual(
      names(),
      [auto("data", 1), auto("data", 101)],
      "the good one stays, and the failure is shown",
    );
    assert.equal(store.get("volume", "default", "data")!.status.snapshots!.failureMessage, "no room");
    wait(HOUR);
    await pass();
    await finish("Ready");
    await pass();
    await finish("Ready");
    assert.deepEqual(names(), [auto("data", 102)]);
    assert.equal(store.get("volume", "default", "data")!.status.snapshots!.failureMessage, undefined);
  }));

Deno.test("reconcileSnapshotPolicy() keeps snapshots made by users, of an earlier volume, or needed for a restore", () =>
  withWorld(async ({ store, addVolume, pass, wait, finish, names }) => {
    await addVolume("data", { snapshotPolicy: { every: "1h", keep: 1 } });
    wait(HOUR);
    await pass();
    const spec = { source: { volume: "data" } };
    await store.transact((tx) =>
      void tx.create({
        kind: "snapshot",
        namespace: "default",
        name: "mine",
        spec,
        status: { state: "Ready", attempts: 0 },
      })
    );
    await finish("Ready");
    const source = { snapshot: auto("data", 1), namespace: "default" };
    await addVolume("restored", { source }, { state: "Pending", handle: undefined });
    wait(HOUR);
    await pass();
    await finish("Ready");
    await pass();
    await finish("Ready");
    assert.deepEqual(
      names(),
      ["mine", auto("data", 1), auto("data", 2)],
      "a volume is about to be made of the first",
    );
    await store.transact((tx) => tx.remove({ kind: "volume", namespace: "default", name: "restored" }));
    await pass();
    await finish("Ready");
    assert.deepEqual(names(), ["mine", auto("data", 2)]);
    await store.transact((tx) => tx.remove({ kind: "volume", namespace: "default", name: "data" }));
    await pass();
    await addVolume("data", { snapshotPolicy: { every: "1h", keep: 1 } });
    wait(HOUR);
    await pass();
    await finish("Ready");
    await pass();
    await finish("Ready");
    assert.deepEqual(names().sort(), ["mine", auto("data", 2), auto("data", 3)].sort());
  }));

Deno.test("reconcileSnapshotPolicy() follows the current class and claim template, and keeps all snapshots without a policy", () =>
  withWorld(async ({ store, addVolume, pass, wait, finish, names }) => {
    const mount = (snapshotPolicy: unknown) => ({
      volumes: [{
        name: "d",
        mountPath: "/d",
        claimTemplate: { size: "1Gi", accessMode: "ReadWriteOnce", snapshotPolicy },
      }],
    });
    const { default: _, ...cls } = makeClass({ snapshotPolicy: policy }).spec;
    await store.transact((tx) => {
      tx.create({ ...makeClass(), spec: { ...cls, default: true } });
      tx.create(makeService(mount(undefined)));
    });
    await addVolume("d-web-0", {}, { ownerService: "web" });
    const readPolicy = () => store.get("volume", "default", "d-web-0")!.status.snapshots?.policy;
    await pass("d-web-0");
    assert.deepEqual(readPolicy(), policy);
    const cast = (snapshotPolicy: unknown) =>
      store.transact((tx) =>
        void tx.update(tx.get("service", "default", "web")!, {
          spec: makeService(mount(snapshotPolicy)).spec,
        })
      );
    await cast({ every: "2h", keep: 1 });
    await pass("d-web-0");
    assert.deepEqual(readPolicy(), { every: "2h", keep: 1 });
    wait(2 * HOUR);
    await pass("d-web-0");
    await finish("Ready");
    await cast("none");
    wait(9 * HOUR);
    await pass("d-web-0");
    assert.deepEqual([readPolicy(), names()], [undefined, [auto("d-web-0", 2)]]);
  }));

Deno.test("reconcileSnapshotPolicy() finds distinct names for volumes with similar names of 63 characters", () =>
  withWorld(async ({ addVolume, pass, wait, names }) => {
    const volumes = ["a", "b"].map((end) => "v".repeat(62) + end);
    for (const name of volumes) await addVolume(name, { snapshotPolicy: policy });
    wait(HOUR);
    for (const name of volumes) await pass(name);
    assert.equal(new Set(names()).size, 2);
    for (const name of names()) assert.ok(isName(name), name);
  }));
