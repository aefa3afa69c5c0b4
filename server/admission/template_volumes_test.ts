import assert from "node:assert/strict";
import { ANNOTATIONS } from "../../model/marks.ts";
import { okJson, problemOf, service, template, type TestServer, withServer } from "../api/server_fixture.ts";

type Resource = Parameters<TestServer["cast"]>[0][number];
const ID = "506f78a4-e098-11e5-ad9f-000f53306ae1";
const cloud = (parameters: object = {}): Resource => [
  "storageClass",
  { name: "cloud", driver: "do-volume", parameters: { region: "nyc3", ...parameters } },
];
const db = (parameters: object) =>
  service("db", { scale: 1, volumes: [template({ storageClassName: "cloud", parameters })] });

/** Makes the volume of ordinal 0, as the service controller does. */
async function makeVolumeOf({ store }: TestServer, owner = "db"): Promise<void> {
  await store.transact((tx) => {
    const { claimTemplate } = tx.get("service", "default", "db")!.spec.volumes[0]!;
    const { size, accessMode, parameters } = claimTemplate!;
    tx.create({
      ...{ kind: "volume", namespace: "default", name: "data-db-0", labels: {}, finalizers: [] },
      spec: { storageClassName: "cloud", reclaimPolicy: "retain", size, accessMode, parameters },
      status: { state: "Pending", attempts: 0, ownerService: owner, conditions: [] },
    });
  });
}

Deno.test("another token of a claim template reaches the volumes that it has made, and no other parameter does", () =>
  withServer(async (server) => {
    const { cast, store } = server;
    const readVolume = () => store.get("volume", "default", "data-db-0")!;
    await okJson(cast([cloud(), db({ apiToken: "dop_v1_1", fsType: "xfs" })]));
    await makeVolumeOf(server);
    await okJson(cast([db({ apiToken: "secret:mine/token", fsType: "xfs" })]));
    assert.deepEqual(readVolume().spec.parameters, { apiToken: "secret:mine/token", fsType: "xfs" });
    const { issues } = await problemOf(
      cast([db({ apiToken: "secret:mine/token", fsType: "ext4" })]),
      "invalid_argument",
    );
    assert.deepEqual(issues!.map(({ path }) => path.join(".")), [
      "volumes.0.claimTemplate.parameters.fsType",
    ]);
    await okJson(
      cast([db({ apiToken: "", fsType: "xfs" })]).then((answer) => {
        assert.equal(answer.status, 400);
        return cast([cloud({ apiToken: "dop_v1_3" }), db({ fsType: "xfs" })]);
      }),
    );
    assert.deepEqual(readVolume().spec.parameters, { fsType: "xfs" });
  }));

Deno.test("a volume of the template's name that is not the service's keeps its token", () =>
  withServer(async (server) => {
    await okJson(server.cast([cloud(), db({ apiToken: "dop_v1_1" })]));
    await makeVolumeOf(server, "other");
    await okJson(server.cast([db({ apiToken: "dop_v1_2" })]));
    const { spec } = server.store.get("volume", "default", "data-db-0")!;
    assert.deepEqual(spec.parameters, { apiToken: "dop_v1_1" });
  }));

Deno.test("a service that is cast again under another secret passes on for what it was judged", () =>
  withServer(async (server) => {
    const { cast, store, send } = server;
    const recordOf = () => store.get("volume", "default", "data-db-0")!.annotations[ANNOTATIONS.namedData];
    await okJson(cast([cloud({ apiToken: "secret:one.shared.rune/token" }), db({ volumeId: ID })]));
    await makeVolumeOf(server);
    await okJson(cast([db({ volumeId: ID })]));
    assert.equal(recordOf(), `${ID}, apiToken=shared/one/token`);
    await okJson(cast([cloud({ apiToken: "secret:two.shared.rune/token" })]));
    // The rights for the rest of a service are not judged when it is scaled.
    await okJson(send("POST", "/v1/namespaces/default/services/db/actions/scale", { scale: 0 }));
    assert.equal(recordOf(), `${ID}, apiToken=shared/one/token`);
    await okJson(cast([db({ volumeId: ID })]));
    assert.equal(recordOf(), `${ID}, apiToken=shared/two/token`);
  }));
