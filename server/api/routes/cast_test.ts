import assert from "node:assert/strict";
import { okJson, problemOf, service, volume, withServer } from "../server_fixture.ts";
import { withGuard } from "../../auth/auth_fixture.ts";

Deno.test("a cast answers in the order of its kinds, and with a revision from which a watch shows what follows", () =>
  withServer(async ({ cast, store }) => {
    const before = store.revision;
    const { results, revision } = await okJson(cast([service("web"), volume("v"), ["configmap", {
      name: "c",
    }]]));
    assert.deepEqual(results.map((r: { kind: string; action: string }) => [r.kind, r.action]).sort(), [
      ["configmap", "created"],
      ["service", "created"],
      ["volume", "created"],
    ]);
    assert.ok(revision > before);
    assert.equal(revision, store.get("volume", "default", "v")!.resourceVersion);
  }));

Deno.test("a cast with one wrong resource writes none, and says which and where", () =>
  withServer(async ({ cast, store }) => {
    const revision = store.revision;
    const { issues } = await problemOf(
      cast([volume("good"), volume("bad", { size: "much" }), service("web", { image: "" })]),
      "invalid_argument",
    );
    assert.deepEqual(issues!.map(({ resource, path }) => [resource, path.join(".")]), [[1, "size"], [
      2,
      "image",
    ]]);
    assert.equal(store.revision, revision);
  }));

Deno.test("a dry run answers as a cast does, and writes nothing", () =>
  withServer(async ({ cast, store }) => {
    const revision = store.revision;
    const { results, revision: told } = await okJson(cast([volume("v")], { dryRun: true }));
    assert.equal(results[0].action, "created");
    assert.deepEqual([told, store.revision, store.list("volume")], [revision, revision, []]);
  }));

Deno.test("a cast warns of what it names and is nowhere, and of a port that a program has", () =>
  withServer(async ({ cast }) => {
    using listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
    const hostPort = (listener.addr as Deno.NetAddr).port;
    const { warnings } = await okJson(cast([
      service("web", {
        envFrom: [{ configName: "absent" }],
        ports: [{ port: 80 }],
        expose: { port: 80, hostPort },
      }),
    ]));
    assert.match(warnings.join("\n"), /service default\/web waits: .*absent/);
    assert.match(warnings.join("\n"), new RegExp(`port ${hostPort} of this machine is in use`));
  }));

Deno.test("force replaces the instances of a service that did not change", () =>
  withServer(async ({ cast, store }) => {
    await okJson(cast([service("web")]));
    await okJson(cast([service("web")], { force: true }));
    const { generation, annotations } = store.get("service", "default", "web")!;
    assert.equal(generation, 2);
    assert.ok(Object.keys(annotations).some((name) => name.includes("restarted")));
  }));

Deno.test("a number where a text belongs is taken as it is written, and the audit log names what is cast", () =>
  withGuard(async ({ root, as, store }) => {
    const body = '{"resources": [{"kind": "configmap", "body": {"name": "c", "data": {"v": 1.10}}}]}';
    await okJson(as(root, "POST", "/v1/cast", body));
    assert.deepEqual(store.get("configmap", "default", "c")!.spec.data, { v: "1.10" });
    const { items } = await okJson(as(root, "GET", "/v1/admin/audit"));
    assert.ok(items.some((r: { what?: string }) => r.what === "configmap c"), JSON.stringify(items));
  }));
