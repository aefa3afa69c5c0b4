/**
 * A reference into another namespace requires the right to its target, and without it reveals nothing about
 * the target.
 * @module
 */
import assert from "node:assert/strict";
import { makeDriverSettings } from "../../drivers/testing/settings.ts";
import type { z } from "zod";
import { BODIES } from "../../model/declared.ts";
import { partsOf, referenceOf } from "../../model/reference.ts";
import { contextMaker } from "../../drivers/conformance_trial.ts";
import type { VolumeSpec } from "../../model/volume.ts";
import { buildDrivers } from "../../drivers/registry.ts";
import { nodeDrivers } from "../../node/testing/drivers.ts";
import { makeNodes } from "../../node/testing/partial_nodes.ts";
import { okJson } from "../api/server_fixture.ts";
import { type GuardedServer, withGuard } from "./auth_fixture.ts";

const IMAGE = { image: "busybox:1" };
const SIZE = { size: "1Gi", accessMode: "ReadWriteOnce" };
const mount = (more: object) => ({ ...IMAGE, volumes: [{ name: "d", mountPath: "/d", ...more }] });
const SECRET = "secret:NAME.prod.rune/k";
const TEXT = `a {{ ${SECRET} }} b`;

/**
 * A body for every field that refers to something in a namespace. NAME is the neighbour's resource, in
 * namespace `prod`.
 */
const BODIES_BY_FIELD: Record<string, [body: object, right: string][]> = {
  "service.env.*": [[{ ...IMAGE, env: { A: TEXT } }, "get secrets"]],
  "service.process.env.*": [[{ process: { command: "a", env: { A: TEXT } } }, "get secrets"]],
  "service.initSteps.*.env.*": [[
    { ...IMAGE, initSteps: [{ name: "a", command: "a", env: { A: TEXT } }] },
    "get secrets",
  ]],
  "service.envFrom.*.secretName": [[
    { ...IMAGE, envFrom: [{ secretName: "NAME.prod.rune" }] },
    "get secrets",
  ]],
  "service.envFrom.*.configName": [[
    { ...IMAGE, envFrom: [{ configName: "NAME.prod.rune" }] },
    "get configmaps",
  ]],
  "service.envFrom.*.configmapName": [[
    { ...IMAGE, envFrom: [{ configmapName: "NAME.prod.rune" }] },
    "get configmaps",
  ]],
  "service.secretMounts.*.secretName": [[
    { ...IMAGE, secretMounts: [{ mountPath: "/s", secretName: "NAME.prod.rune" }] },
    "get secrets",
  ]],
  "service.configMounts.*.configName": [[
    { ...IMAGE, configMounts: [{ mountPath: "/s", configName: "NAME.prod.rune" }] },
    "get configmaps",
  ]],
  "service.configMounts.*.configmapName": [[
    { ...IMAGE, configMounts: [{ mountPath: "/s", configmapName: "NAME.prod.rune" }] },
    "get configmaps",
  ]],
  "service.dependencies.*.name": [
    [{ ...IMAGE, dependencies: [{ name: "NAME", namespace: "prod" }] }, "get services"],
    [{ ...IMAGE, dependencies: [{ name: "NAME.prod.rune", optional: true }] }, "get services"],
  ],
  "service.dependencies.*.service": [[
    { ...IMAGE, dependencies: [{ service: "NAME.prod.rune", namespace: "dev" }] },
    "get services",
  ]],
  "service.volumes.*.claim.name": [
    [mount({ claim: { name: "NAME.prod.rune" } }), "update volumes"],
    [mount({ claim: { name: "NAME.prod.rune" }, readOnly: true }), "get volumes"],
  ],
  "service.volumes.*.claimTemplate.parameters.*": [[
    mount({ claimTemplate: { ...SIZE, parameters: { t: SECRET } } }),
    "get secrets",
  ]],
  "volume.parameters.*": [[{ ...SIZE, parameters: { t: SECRET } }, "get secrets"]],
  "volume.source.snapshot": [[{ ...SIZE, source: { snapshot: "NAME", namespace: "prod" } }, "get snapshots"]],
};
/** Fields whose references cannot leave their namespace, or which only administrators may declare. */
const OWN = ["snapshot.source.volume", "storageClass.parameters.*"];

function referenceFields(schema: z.ZodType, path: string): string[] {
  const reference = referenceOf(schema);
  if (reference) return reference.verb === "none" ? [] : [path];
  return partsOf(schema).flatMap(({ schema, key }) =>
    referenceFields(schema, key === undefined ? path : `${path}.${key}`)
  );
}

/** A neighbour with one resource of each kind, each named `there`. */
async function neighbour({ as, root }: Pick<GuardedServer, "as" | "root">): Promise<void> {
  const bodies: [string, object][] = [
    ["secret", { data: { k: "v" } }],
    ["configmap", { data: { k: "v" } }],
    ["volume", SIZE],
    ["snapshot", { source: { volume: "there" } }],
    ["service", IMAGE],
  ];
  const resources = bodies.map(([kind, body]) => ({
    kind,
    body: { name: "there", namespace: "prod", ...body },
  }));
  await okJson(as(root, "POST", "/v1/cast", { resources }));
}

Deno.test("every reference into another namespace requires the right to its target, whether it exists or not", () =>
  withGuard(async (server) => {
    const { as, root, someone } = server;
    await neighbour(server);
    const token = await someone("dev", ["cast"], "dev");
    const fields = Object.entries(BODIES).flatMap(([kind, schema]) => referenceFields(schema, kind));
    assert.deepEqual(
      [...new Set(fields)].filter((field) => !OWN.includes(field)).sort(),
      Object.keys(BODIES_BY_FIELD).sort(),
    );
    for (const [field, bodies] of Object.entries(BODIES_BY_FIELD)) {
      for (const [template, right] of bodies) {
        const answers = await Promise.all(["there", "nowhere"].map(async (name) => {
          const body = JSON.parse(JSON.stringify(template).replaceAll("NAME", name));
          const path = `/v1/namespaces/dev/${field.split(".")[0]}s/x`;
          const answer = await as(token, "PUT", path, body);
          const { requestId: _, ...problem } = await answer.json();
          assert.equal(answer.status, 403, `${field}: ${JSON.stringify(problem)}`);
          assert.ok(problem.detail.includes(`${right} in namespace prod`), problem.detail);
          const allowed = await as(root, "PUT", path.replace(/x$/, `y-${name}`), body);
          assert.notEqual(allowed.status, 403, await allowed.text());
          return problem;
        }));
        assert.deepEqual(answers[0], answers[1], `${field} reveals whether it exists`);
      }
    }
  }));

Deno.test("a rollback and an undelete require the rights to what their records refer to", () =>
  withGuard(async (server) => {
    const { as, root, someone, deps, hostDir } = server;
    await neighbour(server);
    const token = await someone("dev", ["cast"], "dev");
    const service = "/v1/namespaces/dev/services/x";
    await okJson(as(root, "PUT", service, { ...IMAGE, dependencies: [{ name: "there.prod.rune" }] }), 201);
    await okJson(as(token, "PUT", service, IMAGE));
    const back = await as(token, "POST", `${service}/actions/rollback`, { toGeneration: 1 });
    assert.match(await back.text(), /get services in namespace prod/);
    assert.equal(back.status, 403);

    const records = {
      snapshot: { ...SIZE, parameters: {}, source: { snapshot: "there", namespace: "prod" } },
      secret: { ...SIZE, parameters: { apiToken: "secret:there.prod.rune/k" } },
    };
    // The real driver, with two volumes in its trash that somebody else deleted.
    const { all } = buildDrivers(makeDriverSettings(hostDir, { trashRetentionMs: 3_600_000 }), {
      dataDir: `${hostDir}/data`,
    });
    const drivers = nodeDrivers([...all.values()]);
    Object.assign(deps, { drivers, nodes: makeNodes({ drivers }) });
    const local = all.get("local")!;
    const contextOf = contextMaker();
    for (const [name, spec] of Object.entries(records)) {
      const made = contextOf(name);
      const ctx = { ...made, volume: { ...made.volume, namespace: "dev" } };
      await local.provision(ctx);
      await local.delete(ctx, { record: { labels: {}, spec: spec as VolumeSpec } });
    }
    for (const [name, right] of [["snapshot", "get snapshots"], ["secret", "get secrets"]] as const) {
      const path = `/v1/namespaces/dev/volumes/${name}/actions/undelete`;
      const answer = await as(token, "POST", path, {});
      const { detail } = await answer.json();
      assert.equal(answer.status, 403, detail);
      assert.ok(detail.includes(`${right} in namespace prod`), detail);
      await okJson(as(root, "POST", path, {}), 201);
    }
  }));
