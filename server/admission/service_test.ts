import assert from "node:assert/strict";
import type { Service } from "../../model/service.ts";
import { okJson, service, template, type TestServer, volume, withServer } from "../api/server_fixture.ts";
import { admitService } from "./service.ts";
import { makeWorld, parseService } from "./world_fixture.ts";
import type { World } from "./world.ts";

const judge = (server: TestServer, fields: Record<string, unknown>, more: Partial<World> = {}) =>
  admitService(
    { namespace: "default", name: "web", spec: parseService({ image: "img:1", ...fields }) },
    makeWorld(server, more),
  );
const paths = (issues: { path: (string | number)[] }[]) => issues.map(({ path }) => path.join("."));

Deno.test("admitService() pins the class of a template, and keeps it when another class becomes the default", () =>
  withServer(async (server) => {
    const { spec } = judge(server, { volumes: [template()] });
    assert.equal(spec.volumes[0]!.claimTemplate!.storageClassName, "local");
    await okJson(server.cast([service("web", { volumes: [template()] })]));
    await okJson(server.send("POST", "/v1/storageclasses/local-host/actions/set-default"));
    const again = judge(server, { scale: 2, volumes: [template()] });
    assert.equal(again.spec.volumes[0]!.claimTemplate!.storageClassName, "local");
    assert.deepEqual(again.issues, []);
  }));

Deno.test("admitService() asks for a class where none is the default, in the field of the template", () =>
  withServer(async (server) => {
    await server.store.transact((tx) => {
      const local = tx.get("storageClass", "", "local")!;
      tx.update(local, { spec: { ...local.spec, default: false } });
    });
    const { issues } = judge(server, { volumes: [template()] });
    assert.deepEqual(paths(issues), ["volumes.0.claimTemplate.storageClassName"]);
    assert.match(issues[0]!.message, /no storage class is the default/);
  }));

Deno.test("admitService() gives every issue at once, each with its field", () =>
  withServer(async (server) => {
    const { issues } = judge(server, {
      ports: [{ port: 80 }],
      expose: { port: 80, hostPort: 7861, hostAddress: "203.0.113.9" },
      volumes: [template({ storageClassName: "lokal" })],
      resources: { memory: { limit: "900Ti" } },
    }, { ports: { reserved: [{ port: 7861, usedBy: "the daemon's own API" }] } });
    assert.deepEqual(paths(issues).sort(), [
      "expose.hostAddress",
      "expose.hostPort",
      "resources.memory.limit",
      "volumes.0.claimTemplate.storageClassName",
    ]);
  }));

Deno.test("admitService() lets fewer instances, or the same, through whatever has become of the rest", () =>
  withServer(async (server) => {
    await okJson(server.cast([service("web", { scale: 3, volumes: [template()] })]));
    const gone: Partial<World> = { drivers: new Map() };
    const stored = server.store.get("service", "default", "web") as Service;
    const { namespace, name } = stored;
    const scaleTo = (scale: number) =>
      admitService({ namespace, name, spec: { ...stored.spec, scale } }, makeWorld(server, gone)).issues;
    for (const scale of [0, 2, 3]) assert.deepEqual(scaleTo(scale), [], `${scale}`);
    await server.store.transact((tx) => {
      const local = tx.get("storageClass", "", "local")!;
      tx.remove({ kind: "storageClass", namespace: "", name: local.name });
    });
    for (const scale of [0, 2, 3]) assert.deepEqual(scaleTo(scale), [], `${scale} without the class`);
  }));

Deno.test("admitService() refuses the host name of another service, but not of one that the same cast still writes", () =>
  withServer(async (server) => {
    const expose = { ports: [{ port: 80 }], expose: { port: 80, host: "shop.example.com" } };
    await okJson(server.cast([service("other", expose)]));
    const { issues } = judge(server, expose);
    assert.match(issues[0]!.message, /default\/other/);
    assert.deepEqual(judge(server, expose, { later: new Set(["default/other"]) }).issues, []);
  }));

Deno.test("admitService() waits for a volume that is not there yet, and judges it where it is", () =>
  withServer(async (server) => {
    const volumes = [{ name: "data", mountPath: "/data", claim: { name: "v" } }];
    assert.deepEqual(judge(server, { scale: 2, volumes }).issues, []);
    await okJson(server.cast([volume("v")]));
    const { issues } = judge(server, { scale: 2, volumes });
    assert.deepEqual(paths(issues), ["volumes.0.claim"]);
    assert.match(issues[0]!.message, /expected scale 1, found 2/);
  }));
