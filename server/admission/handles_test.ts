import assert from "node:assert/strict";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Volume } from "../../model/volume.ts";
import {
  okJson,
  problemOf,
  service,
  template,
  type TestServer,
  volume,
  withServer,
} from "../api/server_fixture.ts";
import { type GuardedServer, withGuard } from "../auth/auth_fixture.ts";
import { checkHandle } from "./handles.ts";
import { makeWorld, SEES_NOTHING } from "./world_fixture.ts";

const ID = "506f78a4-e098-11e5-ad9f-000f53306ae1";
const OTHER = "606f78a4-e098-11e5-ad9f-000f53306ae2";

type Set = Parameters<TestServer["cast"]>[0];
const cloud = (parameters: object = {}): Set[number] => [
  "storageClass",
  { name: "cloud", driver: "do-volume", parameters: { region: "nyc3", ...parameters } },
];
const SHARED = { apiToken: "secret:api.shared.rune/token" };
const adopt = (name: string, more: object = {}): Set[number] =>
  volume(name, { storageClassName: "cloud", parameters: { volumeId: ID, ...more } });
const templateOf = (parameters: object) => [template({ storageClassName: "cloud", parameters })];

async function assertRefused(server: TestServer, set: Set, path: string, message: RegExp): Promise<void> {
  const { issues } = await problemOf(server.cast(set), "invalid_argument");
  assert.deepEqual(issues!.map((issue) => issue.path.join(".")), [path]);
  assert.match(issues![0]!.message, message);
}

Deno.test("no two volumes name the same data: of one cast, of templates, or one that has it already", () =>
  withServer(async (server) => {
    const { cast, store } = server;
    await okJson(cast([cloud(SHARED)]));
    const where = "parameters.volumeId";
    await assertRefused(server, [adopt("a"), adopt("b")], where, /is the data of volume default\/a$/);
    await okJson(cast([adopt("a")]));
    assert.equal((await okJson(cast([adopt("a")]))).results[0].action, "unchanged");
    await assertRefused(server, [adopt("b")], where, /is the data of volume default\/a$/);
    const db = service("db", { volumes: templateOf({ volumeId: ID }) });
    await assertRefused(
      server,
      [db],
      `volumes.0.claimTemplate.${where}`,
      /is the data of volume default\/a$/,
    );
    await okJson(cast([adopt("b", { volumeId: OTHER })]));
    // A volume that was created by its name.
    await okJson(cast([volume("made", { storageClassName: "cloud" })]));
    const handle = "706f78a4-e098-11e5-ad9f-000f53306ae3";
    await store.transact((tx) => {
      const made = tx.get("volume", "default", "made")!;
      tx.update(made, { status: { ...made.status, driver: "do-volume", handle } });
    });
    await assertRefused(
      server,
      [adopt("c", { volumeId: handle })],
      where,
      /is the data of volume default\/made$/,
    );
  }));

Deno.test("a volume that names data with another secret keeps it from nobody until it has it", () =>
  withServer(async (server) => {
    await okJson(server.cast([cloud(SHARED), adopt("planted", { apiToken: "junk" })]));
    await okJson(server.cast([adopt("a")]));
    const same = { apiToken: "secret:api.shared.rune/token" };
    await assertRefused(
      server,
      [adopt("b", same)],
      "parameters.volumeId",
      /is the data of volume default\/a$/,
    );
    await server.store.transact((tx) => {
      const planted = tx.get("volume", "default", "planted")!;
      tx.update(planted, { status: { ...planted.status, driver: "do-volume", handle: OTHER } });
    });
    const other = adopt("c", { volumeId: OTHER });
    await assertRefused(server, [other], "parameters.volumeId", /is the data of volume default\/planted$/);
  }));

Deno.test("a claim template counts at any scale, also one of the same cast or of the same service", () =>
  withServer(async (server) => {
    const { cast } = server;
    await okJson(cast([cloud(SHARED)]));
    const db = (name: string, scale = 0) => service(name, { scale, volumes: templateOf({ volumeId: ID }) });
    const inTemplate = "volumes.0.claimTemplate.parameters.volumeId";
    const ofDb = /is named by a claim template of service default\/db$/;
    await assertRefused(server, [db("db"), db("db2")], inTemplate, ofDb);
    await assertRefused(server, [adopt("a"), db("db")], inTemplate, /is the data of volume default\/a$/);
    const second = template({ storageClassName: "cloud", parameters: { volumeId: ID } });
    const volumes = [...templateOf({ volumeId: ID }), { ...second, name: "more", mountPath: "/more" }];
    const twice = await problemOf(cast([service("db", { scale: 0, volumes })]), "invalid_argument");
    assert.match(twice.detail, /is named by two claim templates of this service/);
    await okJson(cast([db("db")]));
    await assertRefused(server, [db("db2", 1)], inTemplate, ofDb);
    await assertRefused(server, [adopt("a")], "parameters.volumeId", ofDb);
    await okJson(server.send("POST", "/v1/namespaces/default/services/db/actions/scale", { scale: 1 }));
    // The volume of the template itself, and another account.
    await okJson(cast([adopt("data-db-0"), adopt("b", { apiToken: "dop_v1_1" })]));
  }));

Deno.test("checkHandle() does not name a volume that the caller may not see", () =>
  withServer(async (server) => {
    await okJson(server.cast([cloud(SHARED), adopt("a")]));
    const other = { ...server.store.get("volume", "default", "a") as Volume, name: "b" };
    const world = makeWorld(server, { viewer: SEES_NOTHING });
    const [issue] = checkHandle(other, server.deps.drivers.get("do-volume")!, world);
    assert.equal(issue!.message, `${ID} is the data of a volume that you may not see`);
  }));

Deno.test("a class names no data, a template only that of one instance, and a restored volume none", () =>
  withServer(async (server) => {
    await assertRefused(
      server,
      [cloud({ ...SHARED, volumeId: ID })],
      "parameters.volumeId",
      /all volumes of the class/,
    );
    await okJson(server.cast([cloud(SHARED)]));
    const volumes = templateOf({ volumeId: ID });
    const path = "volumes.0.claimTemplate.parameters.volumeId";
    await assertRefused(server, [service("db", { scale: 2, volumes })], path, /expected scale 1, found 2/);
    await okJson(server.cast([service("db", { volumes })]));
    const scale = server.send("POST", "/v1/namespaces/default/services/db/actions/scale", { scale: 2 });
    assert.match((await problemOf(scale, "invalid_argument")).detail, /expected scale 1, found 2/);
    const [, body] = adopt("a");
    const both = server.cast([["volume", { ...body, source: { snapshot: "s" } }]]);
    const { issues } = await problemOf(both, "invalid_argument");
    assert.deepEqual(
      issues!.filter(({ message }) => /volumeId or source, found both/.test(message)).map(({ path }) => path),
      [["parameters", "volumeId"]],
    );
  }));

/** Casts as a user of the namespace `dev`, and returns the status and the text. */
async function castAs({ as }: GuardedServer, token: string, [kind, body]: Set[number]) {
  const resources = [{ kind, body: { ...kind !== "storageClass" && { namespace: "dev" }, ...body } }];
  const answer = await as(token, "POST", "/v1/cast", { resources });
  return { status: answer.status, text: await answer.text() };
}

Deno.test("to name existing data takes the right to the secret that reaches it, in a volume and in a template", () =>
  withGuard(async (server) => {
    const { root, someone } = server;
    const dev = await someone("dev", ["cast"], "dev");
    const assertForbidden = async (resource: Set[number], right: RegExp) => {
      const { status, text } = await castAs(server, dev, resource);
      assert.equal(status, 403, text);
      assert.match(text, right);
      assert.equal((await castAs(server, root, resource)).status, 200);
    };
    const shared = /may not get secrets in namespace shared/;
    await castAs(server, root, cloud(SHARED));
    assert.equal((await castAs(server, dev, volume("new", { storageClassName: "cloud" }))).status, 200);
    await assertForbidden(adopt("a"), shared);
    await assertForbidden(service("db", { volumes: templateOf({ volumeId: OTHER }) }), shared);
    // Neither a label nor a size needs the right anew, but a cast of the whole spec does.
    const resize = server.as(dev, "POST", "/v1/namespaces/dev/volumes/a/actions/resize", { size: "2Gi" });
    assert.equal((await resize).status, 200);
  }));

Deno.test("recordNamedData() is kept with a cast, and not judged anew when only a size changes", () =>
  withServer(async ({ cast, store, send }) => {
    const record = (name: string) => store.get("volume", "default", name)!.annotations[ANNOTATIONS.namedData];
    await okJson(
      cast([cloud({ apiToken: "dop_v1_0" }), adopt("a"), volume("new", { storageClassName: "cloud" })]),
    );
    assert.equal(record("new"), undefined);
    assert.equal(record("a"), `${ID}, apiToken of the class`);
    await okJson(cast([cloud(SHARED)]));
    await okJson(send("POST", "/v1/namespaces/default/volumes/a/actions/resize", { size: "2Gi" }));
    assert.equal(record("a"), `${ID}, apiToken of the class`);
    const again = volume("a", { size: "2Gi", storageClassName: "cloud", parameters: { volumeId: ID } });
    assert.equal((await okJson(cast([again]))).results[0].action, "configured");
    assert.equal(record("a"), `${ID}, apiToken=shared/api/token`);
    assert.equal((await okJson(cast([again]))).results[0].action, "unchanged");
    const own = adopt("b", { volumeId: OTHER, apiToken: "dop_v1_1" });
    await okJson(cast([own]));
    assert.equal(record("b"), `${OTHER}, apiToken of the volume`);
  }));

Deno.test("a token that the class holds itself is its author's; one that the volume holds is known", () =>
  withGuard(async (server) => {
    const dev = await server.someone("dev", ["cast"], "dev");
    await castAs(server, server.root, cloud({ apiToken: "dop_v1_0" }));
    const { status, text } = await castAs(server, dev, adopt("a"));
    assert.equal(status, 403);
    assert.match(text, /may not update storageclasses/);
    await castAs(server, server.root, cloud());
    assert.equal((await castAs(server, dev, adopt("a", { apiToken: "dop_v1_1" }))).status, 200);
    const own = adopt("b", { volumeId: OTHER, apiToken: "secret:mine/token" });
    assert.equal((await castAs(server, dev, own)).status, 200);
  }));
