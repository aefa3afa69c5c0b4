import assert from "node:assert/strict";
import type { VolumeSpec } from "../../model/volume.ts";
import { okJson, problemOf, type TestServer, volume, withServer } from "../api/server_fixture.ts";
import { checkDirectory, checkTemplateDirectory, directoryOf } from "./directories.ts";
import { makeWorld, SEES_NOTHING } from "./world_fixture.ts";

const onHost = (hostPath: string): VolumeSpec => ({
  storageClassName: "local-host",
  size: "1Gi",
  accessMode: "ReadWriteOnce",
  parameters: { hostPath },
});
const place = (name: string, hostPath: string) => ({ namespace: "default", name, spec: onHost(hostPath) });

const castVolume = (server: TestServer, hostPath: string) =>
  okJson(server.cast([volume("a", { storageClassName: "local-host", parameters: { hostPath } })]));

Deno.test("checkDirectory() refuses the directory of another volume, one inside it and one around it", () =>
  withServer(async (server) => {
    const { hostDir } = server;
    await castVolume(server, `${hostDir}/a/b`);
    const world = makeWorld(server);
    const how = (path: string) => checkDirectory(place("new", `${hostDir}${path}`), world);
    for (
      const [path, said] of [
        ["/a/b", "is the directory of volume default/a"],
        ["/a/b/c", `lies inside ${hostDir}/a/b, the directory of volume default/a`],
        ["/a", `contains ${hostDir}/a/b, the directory of volume default/a`],
      ] as const
    ) {
      const [issue, ...more] = how(path);
      assert.equal(issue!.message, `${hostDir}${path} ${said}: expected a directory of its own`);
      assert.deepEqual([issue!.path, more], [["parameters", "hostPath"], []]);
      assert.match(issue!.hint!, /claim that volume instead/);
    }
    for (const path of ["/a/bc", "/a/c", "/other"]) assert.deepEqual(how(path), [], path);
    // The volume itself may be declared again.
    assert.deepEqual(checkDirectory(place("a", `${hostDir}/a/b`), world), []);
  }));

Deno.test("checkDirectory() tells nothing of a volume that the caller may not see", () =>
  withServer(async (server) => {
    await castVolume(server, `${server.hostDir}/a/b`);
    const world = makeWorld(server, { viewer: SEES_NOTHING });
    const [issue] = checkDirectory(place("new", `${server.hostDir}/a`), world);
    assert.equal(
      issue!.message,
      `${server.hostDir}/a contains the directory of a volume that you may not see: expected a directory of its own`,
    );
  }));

Deno.test("checkDirectory() judges the volumes of one cast by each other", () =>
  withServer(async ({ cast, hostDir, store }) => {
    const set = ["x", "x/y"].map((path, i) =>
      volume(`v${i}`, { storageClassName: "local-host", parameters: { hostPath: `${hostDir}/${path}` } })
    );
    const { issues } = await problemOf(cast(set), "invalid_argument");
    assert.deepEqual(issues!.map(({ resource, path }) => [resource, path.join(".")]), [
      [1, "parameters.hostPath"],
    ]);
    assert.deepEqual(store.list("volume"), []);
  }));

Deno.test("directoryOf() knows none for a class or a driver that is not there, and for a name that is none", () =>
  withServer(async (server) => {
    const world = makeWorld(server);
    assert.equal(directoryOf(place("a", `${server.hostDir}/a`), world), `${server.hostDir}/a`);
    const spec = { ...onHost("/x"), storageClassName: "absent" };
    assert.equal(directoryOf({ namespace: "default", name: "a", spec }, world), undefined);
    assert.equal(directoryOf(place("Not A Name", "/x"), world), undefined);
    assert.equal(directoryOf(place("a", "/x"), makeWorld(server, { drivers: new Map() })), undefined);
  }));

Deno.test("checkTemplateDirectory() refuses one directory for several ordinals, and asks nothing of one", () =>
  withServer(async (server) => {
    const world = makeWorld(server);
    const check = (storageClassName: string, scale: number) =>
      checkTemplateDirectory({
        namespace: "default",
        spec: { ...onHost(`${server.hostDir}/a`), storageClassName },
      }, { nameOf: (ordinal) => `data-web-${ordinal}`, scale, world });
    assert.match(check("local-host", 2)[0]!.message, /expected scale 1, found 2/);
    assert.deepEqual([check("local-host", 1), check("local-host", 0)], [[], []]);
    assert.deepEqual(check("local", 2), []);
  }));
