/** The keys of each controller that a store change affects. @module */
import assert from "node:assert/strict";
import type { AnyResource, Kind } from "../model/resource.ts";
import type { Reader } from "../store/store.ts";
import { INSTANCE_CONTROLLER } from "./instance/controller.ts";
import { keysOf, type News } from "./news.ts";
import { SNAPSHOT_POLICY_CONTROLLER } from "./snapshot_policy/controller.ts";
import { SERVICE_CONTROLLER } from "./service/controller.ts";
import { VOLUME_CONTROLLER } from "./volume/controller.ts";
import {
  ago,
  makeClass,
  makeInstance,
  makeProvisionedVolume,
  makeService,
  makeSnapshot,
  makeVolume,
} from "./testing/resources.ts";

const claiming = makeService({ volumes: [{ name: "d", mountPath: "/d", claim: { name: "data" } }] });
const templated = makeService({
  volumes: [{ name: "d", mountPath: "/d", claimTemplate: { size: "1Gi", accessMode: "ReadWriteOnce" } }],
});

/** The keys that a change affects, by controller. */
function affectedBy(
  change: { resource: AnyResource; previous?: AnyResource; deleted: boolean },
  state: Reader,
) {
  const news = { kind: change.resource.kind, ...change } as News;
  return {
    services: keysOf(SERVICE_CONTROLLER.watches, { news, state }),
    volumes: keysOf(VOLUME_CONTROLLER.watches, { news, state }),
    schedules: keysOf(SNAPSHOT_POLICY_CONTROLLER.watches, { news, state }),
    instances: keysOf(INSTANCE_CONTROLLER.watches, { news, state }),
  };
}

function reader(...resources: AnyResource[]): Reader {
  return {
    get: () => undefined,
    list: <K extends Kind>(kind: K) => resources.filter((r) => r.kind === kind) as never,
  };
}

Deno.test("a volume wakes the instances that wait for it, by claim or by template, and no running one", () => {
  const waiting = { status: { state: "Pending" as const, ready: false } };
  const one = makeInstance(claiming, 0, waiting);
  const two = makeInstance(templated, 3, waiting);
  const running = makeInstance(claiming, 1);
  const store = reader(one, two, running);
  const data = affectedBy({ resource: makeProvisionedVolume(), deleted: false }, store);
  assert.deepEqual(data, {
    services: [],
    volumes: ["default/data"],
    schedules: ["default/data"],
    instances: [one.uid],
  });
  const affected = affectedBy({ resource: makeProvisionedVolume({ name: "d-web-3" }), deleted: true }, store);
  assert.deepEqual(affected, {
    services: [],
    volumes: [],
    schedules: ["default/d-web-3"],
    instances: [two.uid],
  });
});

Deno.test("an instance's own status wakes its service, not the instance", () => {
  const before = makeInstance(claiming, 0);
  const after = { ...before, status: { ...before.status, ready: false } };
  const status = affectedBy({ resource: after, previous: before, deleted: false }, reader());
  assert.deepEqual(status, { services: ["default/web"], volumes: [], schedules: [], instances: [] });
  const leaving = { ...before, deletionRequestedAt: ago(0) };
  const deletion = affectedBy({ resource: leaving, previous: before, deleted: false }, reader());
  assert.deepEqual(deletion.instances, [before.uid]);
});

Deno.test("a storage class wakes its own volumes, and all that are not provisioned", () => {
  const mine = makeProvisionedVolume({ name: "mine" });
  const other = { ...mine, name: "other", spec: { ...mine.spec, storageClassName: "fast" } };
  const store = reader(makeVolume({ storageClassName: "fast" }, { name: "new" }), mine, other);
  assert.deepEqual(affectedBy({ resource: makeClass(), deleted: false }, store).volumes, [
    "default/new",
    "default/mine",
  ]);
});

Deno.test("a snapshot wakes the volumes to restore from it, and the instances whose start it delayed", () => {
  const waiting = makeInstance(claiming, 0, { status: { state: "Pending" } });
  const source = { snapshot: "snap", namespace: "default" };
  const store = reader(
    makeVolume({ source }, { name: "new" }),
    makeVolume({ source }, { name: "made", status: { handle: "/x" } }),
    waiting,
  );
  const affected = affectedBy({ resource: makeSnapshot(), deleted: false }, store);
  assert.deepEqual(affected, {
    services: [],
    volumes: ["default/new"],
    schedules: ["default/data"],
    instances: [waiting.uid],
  });
});

Deno.test("a service or its instance wakes the instances that wait for it, and a cast wakes the service's own instances", () => {
  const app = makeService({ dependencies: [{ name: "db" }] }, { name: "app", uid: "app-uid" });
  const waiting = { state: "Pending" as const, ready: false, run: 0, reason: "DependencyNotReady" as const };
  const instance = makeInstance(app, 0, { status: waiting });
  const db = makeService({}, { name: "db" });
  const store: Reader = {
    get: (_kind, _namespace, name) => (name === "app" ? app : undefined) as never,
    list: (kind) => (kind === "instance" ? [instance] : []) as never,
  };
  assert.deepEqual(affectedBy({ resource: db, deleted: false }, store).instances, [instance.uid]);
  const its = makeInstance(db, 0);
  assert.deepEqual(affectedBy({ resource: its, previous: its, deleted: false }, store).instances, [
    instance.uid,
  ]);
  assert.deepEqual(affectedBy({ resource: app, deleted: false }, store).instances, [instance.uid]);
  const other = makeService({}, { name: "other" });
  assert.deepEqual(affectedBy({ resource: other, deleted: false }, store).instances, []);
});

Deno.test("a dependency across namespaces wakes both sides, also when it is removed", () => {
  const app = makeService({ dependencies: [{ name: "db.data.rune" }] }, { name: "app" });
  const without = makeService({}, { name: "app", generation: 2 });
  const db = makeInstance(makeService({}, { name: "db", namespace: "data" }), 0);
  const store = reader(db, makeInstance(app, 0));
  const both = [db.uid, "uid-app-0"];
  assert.deepEqual(affectedBy({ resource: app, deleted: false }, store).instances, both);
  assert.deepEqual(affectedBy({ resource: without, previous: app, deleted: false }, store).instances, both);
  assert.deepEqual(affectedBy({ resource: app, previous: app, deleted: false }, store).instances, []);
});

Deno.test("a storage class or a cast of a service wakes the snapshot policies of its volumes", () => {
  const mine = makeProvisionedVolume({ name: "d-web-0", status: { ownerService: "web" } });
  const fast = makeVolume({ storageClassName: "fast" }, { name: "other" });
  const store = reader(mine, fast);
  assert.deepEqual(affectedBy({ resource: makeClass(), deleted: false }, store).schedules, [
    "default/d-web-0",
  ]);
  assert.deepEqual(affectedBy({ resource: templated, deleted: false }, store).schedules, ["default/d-web-0"]);
  const status = affectedBy({ resource: templated, previous: templated, deleted: false }, store);
  assert.deepEqual(status.schedules, []);
});

Deno.test("a snapshot wakes the volume whose deletion waits for the copy to end", () => {
  const going = makeProvisionedVolume({ deletionRequestedAt: ago(1) });
  for (const [volume, woken] of [[going, ["default/data"]], [makeProvisionedVolume(), []]] as const) {
    const store: Reader = { get: () => volume as never, list: () => [] };
    assert.deepEqual(affectedBy({ resource: makeSnapshot(), deleted: false }, store).volumes, woken);
  }
});

Deno.test("an instance wakes for its run, its probes, its runner and its volumes, and once more when it is gone", () => {
  const waiting = makeInstance(claiming, 0, { status: { state: "Pending", ready: false } });
  const state = reader(waiting, makeProvisionedVolume());
  const keys = (news: News) => keysOf(INSTANCE_CONTROLLER.watches, { news, state });
  assert.deepEqual(keys({ kind: "run", instanceUid: "one", run: 1 }), ["one"]);
  assert.deepEqual(keys({ kind: "probe", instanceUid: "one" }), ["one"]);
  assert.deepEqual(keys({ kind: "outage", runner: "docker" }), [waiting.uid]);
  assert.deepEqual(keys({ kind: "outage", runner: "process" }), []);
  assert.deepEqual(keys({ kind: "mounted", volumeUid: "volume-uid" }), [waiting.uid]);
  assert.deepEqual(keys({ kind: "mounted", volumeUid: "another" }), []);
  assert.deepEqual(keys({ kind: "instance", resource: waiting, previous: waiting, deleted: true }), [
    waiting.uid,
  ]);
});

Deno.test("a deletion request interrupts an instance's pass once", () => {
  const before = makeInstance(claiming, 0);
  const leaving = { ...before, deletionRequestedAt: ago(0) };
  const keys = (resource: typeof before, previous: typeof before) =>
    keysOf(INSTANCE_CONTROLLER.interrupts, {
      news: { kind: "instance", resource, previous, deleted: false },
      state: reader(),
    });
  assert.deepEqual(keys(leaving, before), [before.uid]);
  assert.deepEqual(keys(leaving, leaving), []);
  assert.deepEqual(keys(before, before), []);
});
