import assert from "node:assert/strict";
import { okJson, problemOf, type TestServer, volume, withServer } from "../api/server_fixture.ts";
import { makeDefault, namesOf } from "./storage_class.ts";
import { SEES_ALL, SEES_NOTHING } from "./world_fixture.ts";
import { RuneError } from "../../model/error.ts";

const defaults = ({ store }: TestServer) =>
  store.list("storageClass").filter((c) => c.spec.default).map((c) => c.name);
const storageClass = (name: string, more: object = {}): [string, Record<string, unknown>] => [
  "storageClass",
  { name, driver: "local", ...more },
];

Deno.test("a cast of a default class takes the mark from the other one, in the same transaction", () =>
  withServer(async (server) => {
    assert.deepEqual(defaults(server), ["local"]);
    await okJson(server.cast([storageClass("fast", { default: true }), volume("v")]));
    assert.deepEqual(defaults(server), ["fast"]);
    assert.equal(server.store.get("volume", "default", "v")!.spec.storageClassName, "fast");
    // Now the old one may be cast without it.
    await okJson(server.cast([storageClass("local")]));
    assert.deepEqual(defaults(server), ["fast"]);
  }));

Deno.test("the only default class keeps its mark, and says how another one takes it", () =>
  withServer(async (server) => {
    const { issues } = await problemOf(server.cast([storageClass("local")]), "invalid_argument");
    assert.deepEqual(issues!.map(({ path }) => path.join(".")), ["default"]);
    assert.match(issues![0]!.hint!, /set-default/);
    assert.deepEqual(defaults(server), ["local"]);
  }));

Deno.test("a class with volumes keeps its driver, and one without may have another", () =>
  withServer(async (server) => {
    await okJson(server.cast([storageClass("x"), storageClass("y"), volume("v", { storageClassName: "x" })]));
    const { issues } = await problemOf(
      server.cast([storageClass("x", { driver: "local-host" })]),
      "invalid_argument",
    );
    assert.deepEqual(issues![0]!.path, ["driver"]);
    assert.match(issues![0]!.message, /from local to local-host while volumes use the class: default\/v$/);
    await okJson(server.cast([storageClass("y", { driver: "local-host" })]));
  }));

Deno.test("a class may name a secret of the namespace default alone, by a whole reference", () =>
  withServer(async (server) => {
    const { issues } = await problemOf(
      server.cast([
        storageClass("x", {
          driver: "do-volume",
          parameters: { region: "nyc3", apiToken: "secret:nothing" },
        }),
      ]),
      "invalid_argument",
    );
    assert.deepEqual(issues![0]!.path, ["parameters", "apiToken"]);
    assert.equal(server.store.get("storageClass", "", "x"), undefined);
  }));

Deno.test("makeDefault() is for those who may set the default, also as a part of a cast", () =>
  withServer(async (server) => {
    await okJson(server.cast([storageClass("x")]));
    const denied = new RuneError("permission_denied", "no");
    const writer = {
      may: () => true,
      permit({ verb }: { verb: string }) {
        if (verb === "storageclasses.set-default") throw denied;
      },
    };
    await assert.rejects(server.store.transact((tx) => makeDefault(tx, "x", { writer })), denied);
    assert.deepEqual(defaults(server), ["local"]);
  }));

Deno.test("namesOf() names five, counts the rest, and counts only those that may not be seen", () => {
  const volumes = Array.from({ length: 7 }, (_, i) => ({ namespace: "default", name: `v${i}` }));
  assert.equal(namesOf(volumes.slice(0, 2), SEES_ALL), "default/v0, default/v1");
  assert.equal(
    namesOf(volumes, SEES_ALL),
    "default/v0, default/v1, default/v2, default/v3, default/v4 and 2 more",
  );
  assert.equal(namesOf(volumes, SEES_NOTHING), "7 that you may not see");
});

Deno.test("a class has only parameters that its driver knows, whatever the driver: others might hold a secret", () =>
  withServer(async (server) => {
    for (const driver of server.deps.drivers.keys()) {
      const parameters = { tokenOfNoDriver: "dop_v1_0" };
      const { issues } = await problemOf(
        server.cast([storageClass("x", { driver, parameters })]),
        "invalid_argument",
      );
      assert.deepEqual(issues!.map(({ path }) => path.join(".")), ["parameters.tokenOfNoDriver"], driver);
      assert.ok(!JSON.stringify(issues).includes("dop_v1_0"), driver);
    }
    const parameters = { apiTokenSecretRef: "dop_v1_0" };
    await problemOf(server.cast([storageClass("x", { parameters })]), "invalid_argument");
    assert.equal(server.store.get("storageClass", "", "x"), undefined);
  }));
