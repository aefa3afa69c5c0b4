import assert from "node:assert/strict";
import type { SnapshotStatus } from "../../model/snapshot.ts";
import type { VolumeSpec } from "../../model/volume.ts";
import { makeSnapshot, makeVolume } from "../../reconcile/testing/resources.ts";
import { okJson, problemOf, type TestServer, volume, withServer } from "../api/server_fixture.ts";
import { checkSource, ownerOfRestored, sourceOf } from "./restore.ts";
import { makeWorld, SEES_NOTHING } from "./world_fixture.ts";

const fromSnapshot = (snapshot: string, namespace?: string) =>
  ({ source: { snapshot, ...(namespace && { namespace }) } }) as Pick<VolumeSpec, "source">;
const spec = (snapshot: string, namespace = "default") => makeVolume(fromSnapshot(snapshot, namespace)).spec;

const addSnapshot = ({ store }: TestServer, status: Partial<SnapshotStatus> = {}, name = "snap") => {
  const { uid: _, ...snapshot } = makeSnapshot({ name, status });
  return store.transact((tx) => tx.create<"snapshot">(snapshot));
};

Deno.test("sourceOf() names the namespace of the volume where none is written, and keeps what was pinned", () => {
  assert.deepEqual(sourceOf({ namespace: "shop", spec: fromSnapshot("s") }, undefined), {
    source: { snapshot: "s", namespace: "shop" },
  });
  assert.deepEqual(sourceOf({ namespace: "shop", spec: fromSnapshot("s", "other") }, undefined), {
    source: { snapshot: "s", namespace: "other" },
  });
  const before = makeVolume(fromSnapshot("old", "shop"));
  assert.deepEqual(sourceOf({ namespace: "shop", spec: {} }, before), {
    source: { snapshot: "old", namespace: "shop" },
  });
  assert.deepEqual(sourceOf({ namespace: "shop", spec: {} }, makeVolume()), {});
});

Deno.test("checkSource() refuses a snapshot that is not there, with a name that is like it for who may see it", () =>
  withServer(async (server) => {
    await addSnapshot(server);
    const check = (name: string, more: object = {}) =>
      checkSource({ spec: spec(name), driver: "local" }, makeWorld(server, more));
    assert.deepEqual(check("snap"), []);
    const [issue] = check("snpa");
    assert.deepEqual(issue!.path, ["source", "snapshot"]);
    assert.equal(issue!.message, "there is no snapshot default/snpa");
    assert.equal(issue!.hint, 'did you mean "snap"?');
    assert.doesNotMatch(check("snpa", { viewer: SEES_NOTHING })[0]!.hint!, /"snap"/);
  }));

Deno.test("checkSource() refuses a snapshot that is being deleted, and one of another driver", () =>
  withServer(async (server) => {
    const taken = await addSnapshot(server, { driver: "cloud" });
    const check = () => checkSource({ spec: spec("snap"), driver: "local" }, makeWorld(server));
    const [other] = check();
    assert.match(other!.message, /has the driver cloud, but storage class local uses local/);
    assert.match(other!.hint!, /the driver cloud/);
    await server.store.transact((tx) => void tx.update(taken, { deletionRequestedAt: tx.now }));
    assert.match(check()[0]!.message, /is being deleted/);
  }));

Deno.test("checkSource() knows the driver of a snapshot that is not taken yet by the volume that it is of", () =>
  withServer(async (server) => {
    await okJson(server.cast([volume("data")]));
    await addSnapshot(server);
    const check = (driver: string) => checkSource({ spec: spec("snap"), driver }, makeWorld(server));
    assert.deepEqual(check("local"), []);
    assert.match(
      check("local-host")[0]!.message,
      /has the driver local, but storage class local uses local-host/,
    );
  }));

Deno.test("a volume of a snapshot keeps its source: what it was made from cannot be changed", () =>
  withServer(async (server) => {
    await addSnapshot(server);
    await addSnapshot(server, {}, "other");
    await okJson(server.cast([volume("v", fromSnapshot("snap"))]));
    const again = await okJson(server.cast([volume("v")]));
    assert.equal(again.results[0].action, "unchanged");
    const { issues } = await problemOf(server.cast([volume("v", fromSnapshot("other"))]), "invalid_argument");
    assert.match(issues![0]!.path.join("."), /^source/);
    assert.equal(server.store.get("volume", "default", "v")!.spec.source!.snapshot, "snap");
  }));

Deno.test("ownerOfRestored() gives a volume back to its service only in the place of the volume that it was", () =>
  withServer(async (server) => {
    const { uid: _, ...snapshot } = makeSnapshot({
      spec: { source: { volume: "data-db-0" } },
      status: { origin: { ownerService: "db" } as SnapshotStatus["origin"] },
    });
    await server.store.transact((tx) => tx.create<"snapshot">(snapshot));
    const owner = (namespace: string, name: string, from = "default") =>
      ownerOfRestored({ namespace, name }, spec("snap", from), server.store);
    assert.equal(owner("default", "data-db-0"), "db");
    assert.equal(owner("default", "copy"), undefined);
    assert.equal(owner("shop", "data-db-0"), undefined);
    assert.equal(
      ownerOfRestored({ namespace: "default", name: "data-db-0" }, makeVolume().spec, server.store),
      undefined,
    );
  }));
