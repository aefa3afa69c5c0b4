import assert from "node:assert/strict";
import type { VolumeSpec } from "../../model/volume.ts";
import { okJson, problemOf, type TestServer, volume, withServer } from "../api/server_fixture.ts";
import { checkSnapshotPolicy } from "./snapshot_policy.ts";
import { admitVolume, checkGrowth, checkReclaim } from "./volume.ts";
import { makeWorld } from "./world_fixture.ts";
import type { JudgingDriver, World } from "./world.ts";

const declare = (more: Partial<VolumeSpec> = {}) => ({
  namespace: "default",
  name: "v",
  spec: { size: "1Gi", accessMode: "ReadWriteOnce", parameters: {}, ...more } as VolumeSpec,
});
const judge = (server: TestServer, more: Partial<VolumeSpec> = {}, world: Partial<World> = {}) =>
  admitVolume(declare(more), makeWorld(server, world));
const paths = (issues: { path: (string | number)[] }[]) => issues.map(({ path }) => path.join("."));

Deno.test("admitVolume() pins class and policy at the first write", () =>
  withServer(async (server) => {
    const { spec, issues } = judge(server);
    assert.deepEqual([spec.storageClassName, spec.reclaimPolicy, issues], ["local", "retain", []]);
    await okJson(server.cast([volume("v")]));
    await okJson(server.cast([[
      "storageClass",
      { name: "fast", driver: "local", default: true, reclaimPolicy: "delete" },
    ]]));
    const again = judge(server);
    assert.deepEqual([again.spec.storageClassName, again.spec.reclaimPolicy], ["local", "retain"]);
    const { results } = await okJson(server.cast([volume("v")]));
    assert.equal(results[0].action, "unchanged");
  }));

Deno.test("admitVolume() falls back to the runefile's class, and names the classes where there is none", () =>
  withServer(async (server) => {
    await server.store.transact((tx) => {
      const local = tx.get("storageClass", "", "local")!;
      tx.update(local, { spec: { ...local.spec, default: false } });
    });
    assert.equal(
      judge(server, {}, { defaultStorageClass: "local-host" }).spec.storageClassName,
      "local-host",
    );
    const { issues } = judge(server);
    assert.deepEqual(paths(issues), ["storageClassName"]);
    assert.match(issues[0]!.hint!, /local, local-host/);
  }));

Deno.test("admitVolume() takes the same size in other words for no change", () =>
  withServer(async (server) => {
    await okJson(server.cast([volume("v", { size: "1Gi" })]));
    const { results } = await okJson(server.cast([volume("v", { size: "1024Mi" })]));
    assert.equal(results[0].action, "unchanged");
    assert.equal(server.store.get("volume", "default", "v")!.spec.size, "1Gi");
  }));

Deno.test("admitVolume() does not blame a volume for a class that the same cast declares wrongly", () =>
  withServer(async (server) => {
    assert.deepEqual(paths(judge(server, { storageClassName: "new" }).issues), ["storageClassName"]);
    const declaredClasses = new Set(["new"]);
    assert.deepEqual(judge(server, { storageClassName: "new" }, { declaredClasses }).issues, []);
    const { issues } = await problemOf(
      server.cast([
        ["storageClass", { name: "new", driver: "absent" }],
        volume("v", { storageClassName: "new" }),
      ]),
      "invalid_argument",
    );
    assert.deepEqual(issues!.map(({ resource, path }) => [resource, path.join(".")]), [[0, "driver"]]);
  }));

Deno.test("admitVolume() says which drivers there are where the class has one that this daemon lacks", () =>
  withServer(async (server) => {
    const { issues } = judge(server, {}, {
      drivers: new Map([["cloud", server.deps.drivers.get("local")!]]),
    });
    assert.match(issues[0]!.message, /storage class local uses the driver "local", which this daemon/);
    assert.match(issues[0]!.hint!, /drivers cloud/);
  }));

Deno.test("admitVolume() leaves a volume alone whose class is gone, and still refuses to shrink it", () =>
  withServer(async (server) => {
    await okJson(server.cast([["storageClass", { name: "x", driver: "local" }]]));
    await okJson(server.cast([volume("v", { storageClassName: "x", size: "2Gi" })]));
    await okJson(server.send("DELETE", "/v1/storageclasses/x?cascade=true"));
    assert.deepEqual(judge(server, { storageClassName: "x", size: "2Gi" }).issues, []);
    assert.deepEqual(paths(judge(server, { storageClassName: "x", size: "1Gi" }).issues), ["size"]);
  }));

/** A driver that can do nothing that is optional. */
const makePlainDriver = (capabilities: object) =>
  ({ name: "plain", capabilities: { accessModes: ["ReadWriteOnce"], ...capabilities } }) as JudgingDriver;

Deno.test("checkGrowth() asks the driver of the class, for more than there was", () =>
  withServer(async (server) => {
    const grow = (expand: boolean, to: string) =>
      checkGrowth({ size: "1Gi" }, { size: to, storageClassName: "local" }, {
        ...makeWorld(server),
        drivers: new Map([["local", makePlainDriver({ expand, largestSize: "4G" })]]),
      });
    assert.deepEqual(grow(false, "1024Mi"), []);
    assert.deepEqual(grow(true, "2Gi"), []);
    assert.deepEqual(grow(true, "4G"), []);
    assert.match(grow(true, "4Gi")[0]!.message, /^expected at most 4G, found 4Gi: the driver plain has no/);
    const [issue] = grow(false, "2Gi");
    assert.deepEqual(issue!.path, ["size"]);
    assert.match(issue!.message, /volumes of the driver plain cannot grow: expected 1Gi/);
    assert.ok(issue!.hint);
  }));

Deno.test("checkReclaim() and checkSnapshotPolicy() refuse what the driver cannot do, and only that", () => {
  assert.deepEqual(paths(checkReclaim({ reclaimPolicy: "delete" }, makePlainDriver({}))), ["reclaimPolicy"]);
  assert.deepEqual(checkReclaim({ reclaimPolicy: "retain" }, makePlainDriver({})), []);
  assert.deepEqual(checkReclaim({ reclaimPolicy: "delete" }, makePlainDriver({ reclaimDelete: true })), []);
  const daily = { snapshotPolicy: { schedule: "daily", keep: 3 } } as unknown as Pick<
    VolumeSpec,
    "snapshotPolicy"
  >;
  assert.deepEqual(paths(checkSnapshotPolicy(daily, makePlainDriver({}))), ["snapshotPolicy"]);
  assert.deepEqual(checkSnapshotPolicy(daily, makePlainDriver({ snapshots: true })), []);
  assert.deepEqual(checkSnapshotPolicy({ snapshotPolicy: "none" }, makePlainDriver({})), []);
  assert.deepEqual(checkSnapshotPolicy({}, makePlainDriver({})), []);
});

Deno.test("admitVolume() refuses a size that the driver has not, also for a volume that grows", () =>
  withServer(async (server) => {
    const parameters = { region: "nyc3", apiToken: "secret:do-api-token.shared.rune/token" };
    await okJson(server.cast([["storageClass", { name: "do", driver: "do-volume", parameters }]]));
    const judgeSize = (size: string) =>
      judge(server, { storageClassName: "do", size }).issues.map(({ path, message }) => [path[0], message]);
    const refusal = (size: string) => [
      ["size", `expected at most 16384G, found ${size}: the driver do-volume has no larger volumes`],
    ];
    assert.deepEqual(judgeSize("16384G"), []);
    assert.deepEqual(judgeSize("16385G"), refusal("16385G"));
    await okJson(server.cast([volume("v", { storageClassName: "do", size: "10G" })]));
    assert.deepEqual(judgeSize("16384G"), []);
    assert.deepEqual(judgeSize("20Ti"), refusal("20Ti"));
  }));
