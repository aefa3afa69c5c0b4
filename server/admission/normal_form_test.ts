import assert from "node:assert/strict";
import { okJson, problemOf, service, template, volume, withServer } from "../api/server_fixture.ts";
import { withGuard } from "../auth/auth_fixture.ts";

/** The guide's class, with the older way to name its token. */
const DO_NYC3 = {
  name: "do-nyc3",
  driver: "do-volume",
  parameters: { region: "nyc3", fsType: "ext4", apiTokenSecretRef: "do/api-token" },
  reclaimPolicy: "retain",
  default: false,
  allowedTopologies: [
    { matchLabels: { "rune.io/region": "nyc3" } },
    { matchExpressions: [{ key: "rune.io/zone", operator: "In", values: ["nyc3a", "nyc3b"] }] },
  ],
  labels: { tier: "cloud" },
};
const NORMAL = { region: "nyc3", fsType: "ext4", apiToken: "secret:api-token.do.rune/token" };
const OTHER = { apiTokenSecretRef: "team/other" };
const OTHER_NORMAL = { apiToken: "secret:other.team.rune/token" };

Deno.test("a class, a volume and a claim template are stored with the token in its normal form", () =>
  withServer(async ({ cast, store }) => {
    const set: Parameters<typeof cast>[0] = [
      ["storageClass", DO_NYC3],
      volume("own", { storageClassName: "do-nyc3", parameters: OTHER }),
      volume("plain", { storageClassName: "do-nyc3" }),
      service("db", { volumes: [template({ storageClassName: "do-nyc3", parameters: OTHER })] }),
    ];
    await okJson(cast(set));
    assert.deepEqual(store.get("storageClass", "", "do-nyc3")!.spec.parameters, NORMAL);
    assert.deepEqual(store.get("volume", "default", "own")!.spec.parameters, OTHER_NORMAL);
    assert.deepEqual(store.get("volume", "default", "plain")!.spec.parameters, {});
    const { volumes } = store.get("service", "default", "db")!.spec;
    assert.deepEqual(volumes[0]!.claimTemplate!.parameters, OTHER_NORMAL);
    const { results } = await okJson(cast(set));
    assert.deepEqual(results.map((r: { action: string }) => r.action), Array(4).fill("unchanged"));
    const normal = volume("own", { storageClassName: "do-nyc3", parameters: OTHER_NORMAL });
    assert.equal((await okJson(cast([normal]))).results[0].action, "unchanged");
  }));

Deno.test("the class that a volume or a template does not name decides too: the default, or the pinned one", () =>
  withServer(async ({ cast, store }) => {
    await okJson(cast([["storageClass", { ...DO_NYC3, default: true }]]));
    const set: Parameters<typeof cast>[0] = [
      volume("own", { parameters: OTHER }),
      service("db", { volumes: [template({ parameters: OTHER })] }),
    ];
    await okJson(cast(set));
    assert.deepEqual(store.get("volume", "default", "own")!.spec.parameters, OTHER_NORMAL);
    await okJson(cast([["storageClass", { name: "local", driver: "local", default: true }]]));
    const { results } = await okJson(cast(set));
    assert.deepEqual(results.map((r: { action: string }) => r.action), ["unchanged", "unchanged"]);
  }));

Deno.test("the token of an existing volume can be replaced, and no other of its parameters", () =>
  withServer(async ({ cast, store }) => {
    const own = (parameters: object) => volume("own", { storageClassName: "do-nyc3", parameters });
    await okJson(cast([["storageClass", DO_NYC3], own({ apiToken: "dop_v1_0", fsType: "xfs" })]));
    await okJson(cast([own({ ...OTHER, fsType: "xfs" })]));
    assert.deepEqual(store.get("volume", "default", "own")!.spec.parameters, {
      ...OTHER_NORMAL,
      fsType: "xfs",
    });
    const { issues } = await problemOf(cast([own({ ...OTHER, fsType: "ext4" })]), "invalid_argument");
    assert.deepEqual(issues!.map(({ path }) => path), [["parameters", "fsType"]]);
    await problemOf(cast([own({ apiToken: "", fsType: "xfs" })]), "invalid_argument");
  }));

Deno.test("both ways at once, and a parameter that the driver does not know, are refused at their field", () =>
  withServer(async ({ cast }) => {
    const pathsOf = async (kind: string, body: Record<string, unknown>) =>
      (await problemOf(cast([[kind, body]]), "invalid_argument")).issues!.map(({ path }) => path.join("."));
    const both = { ...NORMAL, apiTokenSecretRef: "do/api-token" };
    assert.deepEqual(await pathsOf("storageClass", { ...DO_NYC3, parameters: both }), [
      "parameters.apiTokenSecretRef",
    ]);
    assert.deepEqual(await pathsOf("storageClass", { ...DO_NYC3, parameters: { apitoken: "x" } }), [
      "parameters.apitoken",
    ]);
    await okJson(cast([["storageClass", DO_NYC3]]));
    const volumes = [template({ storageClassName: "do-nyc3", parameters: { ...OTHER, ...OTHER_NORMAL } })];
    assert.deepEqual(await pathsOf(...service("db", { volumes })), [
      "volumes.0.claimTemplate.parameters.apiTokenSecretRef",
    ]);
  }));

Deno.test("apiTokenSecretRef needs the right to its secret, as apiToken does, in a volume and in a template", () =>
  withGuard(async ({ as, root, someone }) => {
    const castAs = (token: string, kind: string, body: object) =>
      as(token, "POST", "/v1/cast", { resources: [{ kind, body: { namespace: "dev", ...body } }] });
    await okJson(as(root, "POST", "/v1/cast", { resources: [{ kind: "storageClass", body: DO_NYC3 }] }));
    const token = await someone("dev", ["cast"], "dev");
    const claimTemplate = { storageClassName: "do-nyc3", parameters: OTHER };
    for (
      const [kind, body] of [
        volume("v", { storageClassName: "do-nyc3", parameters: OTHER }),
        service("s", { volumes: [template(claimTemplate)] }),
      ]
    ) {
      const answer = await castAs(token, kind, body);
      assert.match(await answer.text(), /may not get secrets in namespace team/);
      assert.equal(answer.status, 403);
      await okJson(castAs(root, kind, body));
    }
    const { apiTokenSecretRef: _, ...parameters } = DO_NYC3.parameters;
    const open = { ...DO_NYC3, name: "do-open", parameters };
    await okJson(as(root, "POST", "/v1/cast", { resources: [{ kind: "storageClass", body: open }] }));
    await okJson(castAs(
      token,
      ...volume("own", {
        storageClassName: "do-open",
        parameters: { apiTokenSecretRef: "dev/mine" },
      }),
    ));
  }));
