import assert from "node:assert/strict";
import { ANNOTATIONS } from "../../model/marks.ts";
import { okJson, problemOf, service, template, volume, withServer } from "../api/server_fixture.ts";

const ns = "/v1/namespaces/default";
const snapshotPolicy = { every: "1h", keep: 24 };
const cls = (name: string, more: object = {}): [string, Record<string, unknown>] => [
  "storageClass",
  { name, driver: "local", ...more },
];

Deno.test("a snapshot policy on a volume, a template or a class is refused if the driver takes no snapshots", () =>
  withServer(async ({ cast, hostDir }) => {
    const assertRefused = async (resource: [string, Record<string, unknown>]) => {
      const { issues } = await problemOf(cast([resource]), "invalid_argument");
      assert.equal(issues!.length, 1, JSON.stringify(issues));
      assert.ok(issues![0]!.hint);
      return `${issues![0]!.path.join(".")}: ${issues![0]!.message}`;
    };
    const message = "snapshotPolicy: the driver local-host takes no snapshots";
    const parameters = { hostPath: hostDir };
    const host = { storageClassName: "local-host", parameters };
    assert.equal(await assertRefused(volume("a", { ...host, snapshotPolicy })), message);
    assert.equal(await assertRefused(cls("b", { driver: "local-host", snapshotPolicy })), message);
    const mount = template({ ...host, snapshotPolicy });
    assert.equal(
      await assertRefused(service("web", { volumes: [mount] })),
      `volumes.0.claimTemplate.${message}`,
    );
    await okJson(cast([volume("a", { ...host, snapshotPolicy: "none" })]));
    assert.equal(await assertRefused(volume("a", { ...host, snapshotPolicy })), message);
  }));

Deno.test("a snapshot policy of a stored volume, class or template can be added, changed and removed", () =>
  withServer(async ({ cast, send }) => {
    const action = async (resource: [string, Record<string, unknown>]) =>
      (await okJson(cast([resource]))).results[0].action;
    for (
      const make of [
        (more: object) => volume("v", more),
        (more: object) => cls("c", more),
        (more: object) => service("web", { volumes: [template(more)] }),
      ]
    ) {
      const actions = [];
      for (const more of [{}, { snapshotPolicy }, { snapshotPolicy: { every: "2h", keep: 1 } }, {}, {}]) {
        actions.push(await action(make(more)));
      }
      assert.deepEqual(actions, ["created", "configured", "configured", "configured", "unchanged"]);
    }
    await okJson(cast([volume("v", { snapshotPolicy })]));
    await okJson(send("POST", `${ns}/volumes/v/actions/resize`, { size: "2Gi" }));
    assert.deepEqual((await okJson(send("GET", `${ns}/volumes/v`))).spec.snapshotPolicy, snapshotPolicy);
  }));

Deno.test("nobody can mark a snapshot as a policy's, and no cast removes the mark", () =>
  withServer(async ({ cast, send, store }) => {
    await okJson(cast([volume("v")]));
    const key = ANNOTATIONS.policyVolume;
    const { uid } = await okJson(send("GET", `${ns}/volumes/v`));
    const body = { name: "s", source: { volume: "v" } };
    await problemOf(cast([["snapshot", { ...body, annotations: { [key]: uid } }]]), "invalid_argument");
    await problemOf(
      send("PUT", `${ns}/snapshots/s`, { ...body, annotations: { [key]: uid } }),
      "invalid_argument",
    );
    await okJson(cast([["snapshot", { ...body, labels: { [key]: uid } }]]));
    assert.deepEqual((await okJson(send("GET", `${ns}/snapshots/s`))).annotations, {});
    await store.transact((tx) =>
      tx.update(tx.get("snapshot", "default", "s")!, { annotations: { [key]: uid } })
    );
    await okJson(cast([["snapshot", { ...body, labels: { a: "b" } }]]));
    assert.deepEqual((await okJson(send("GET", `${ns}/snapshots/s`))).annotations, { [key]: uid });
  }));

Deno.test("checkSnapshotPolicy() names each limit of a provider that a policy breaks, and what to write", () =>
  withServer(async ({ cast }) => {
    const cloud = (more: object = {}): [string, Record<string, unknown>] => [
      "storageClass",
      {
        name: "cloud",
        driver: "do-volume",
        parameters: { region: "nyc3", apiToken: "secret:do/token" },
        ...more,
      },
    ];
    const greedy = { every: "9m", keep: 26 };
    const assertRefused = async (resource: [string, Record<string, unknown>], prefix: string) => {
      const { issues } = await problemOf(cast([resource]), "invalid_argument");
      assert.deepEqual(issues!.map(({ path, message, hint }) => [path.join("."), message, hint]), [
        [
          `${prefix}snapshotPolicy.every`,
          "expected at least 10m, found 9m: the driver do-volume takes one snapshot of a volume in 10m",
          "write every: 10m",
        ],
        [
          `${prefix}snapshotPolicy.keep`,
          "expected at most 25, found 26: a volume of the driver do-volume has no more snapshots than that",
          "write keep: 25, or less if people take snapshots too",
        ],
      ]);
    };
    await assertRefused(cloud({ snapshotPolicy: greedy }), "");
    await okJson(cast([cloud({ snapshotPolicy: { every: "10m", keep: 25 } })]));
    await assertRefused(volume("v", { storageClassName: "cloud", snapshotPolicy: greedy }), "");
    const mount = template({ storageClassName: "cloud", snapshotPolicy: greedy });
    await assertRefused(service("web", { volumes: [mount] }), "volumes.0.claimTemplate.");
    await okJson(cast([volume("v", { storageClassName: "cloud" })]));
    await assertRefused(volume("v", { storageClassName: "cloud", snapshotPolicy: greedy }), "");
  }));
