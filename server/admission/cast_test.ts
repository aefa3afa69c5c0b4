import assert from "node:assert/strict";
import { FINALIZERS } from "../../model/marks.ts";
import {
  claim,
  okJson,
  problemOf,
  process,
  service,
  template,
  volume,
  withServer,
} from "../api/server_fixture.ts";

const first = (name: string) => service(name, { volumes: [claim("web-data")] });

Deno.test("cast creates a set, in the order of kinds, with its namespace, finalizers and pinned class", () =>
  withServer(async ({ cast, store }) => {
    const { results, revision } = await okJson(cast([
      ["service", { ...first("web")[1], namespace: "shop" }],
      volume("web-data", { namespace: "shop" }),
    ]));
    assert.deepEqual(results.map((r: { kind: string; action: string }) => [r.kind, r.action]), [
      ["volume", "created"],
      ["service", "created"],
    ]);
    const made = store.get("volume", "shop", "web-data")!;
    assert.equal(made.spec.storageClassName, "local");
    assert.equal(made.spec.reclaimPolicy, "retain");
    assert.deepEqual(made.finalizers, [FINALIZERS.reclaim]);
    assert.equal(made.status.state, "Pending");
    assert.equal(made.resourceVersion, revision);
    assert.deepEqual(store.get("service", "shop", "web")!.finalizers, [FINALIZERS.instances]);
    assert.equal(store.get("namespace", "", "shop")!.resourceVersion, revision);
  }));

Deno.test("cast writes nothing when one resource of the set is refused", () =>
  withServer(async ({ cast, store }) => {
    const before = store.revision;
    const problem = await problemOf(
      cast([volume("ok", { namespace: "fresh" }), volume("bad", { storageClassName: "locl" })]),
      "invalid_argument",
    );
    assert.deepEqual(problem.issues, [{
      path: ["storageClassName"],
      message: 'there is no storage class "locl"',
      hint: 'did you mean "local"?',
      resource: 1,
    }]);
    assert.equal(store.revision, before);
    assert.equal(store.get("namespace", "", "fresh"), undefined);
  }));

Deno.test("cast reports every issue of every resource with its index", () =>
  withServer(async ({ cast }) => {
    const { issues } = await problemOf(
      cast([volume("a", { size: "ten" }), service("b", { scal: 2 }), volume("a", { size: "1Gi" })]),
      "invalid_argument",
    );
    assert.deepEqual(issues!.map((i) => [i.resource, i.path.join(".")]), [[0, "size"], [1, "scal"]]);
  }));

Deno.test("cast refuses a resource that is declared twice", () =>
  withServer(async ({ cast }) => {
    const { issues } = await problemOf(cast([volume("a"), volume("a")]), "invalid_argument");
    assert.match(issues![0]!.message, /declared twice/);
    assert.equal(issues![0]!.resource, 1);
  }));

Deno.test("cast of an unchanged set says unchanged and writes nothing", () =>
  withServer(async ({ cast, store }) => {
    const set = [volume("web-data"), first("web"), service("set", { volumes: [template()] })];
    await okJson(cast(set));
    const before = store.revision;
    const { results } = await okJson(cast(set));
    assert.deepEqual(
      results.map((r: { action: string; changes: unknown[] }) => [r.action, r.changes.length]),
      [
        ["unchanged", 0],
        ["unchanged", 0],
        ["unchanged", 0],
      ],
    );
    assert.equal(store.revision, before);
  }));

Deno.test("cast keeps the pinned class and policy when the default has changed since", () =>
  withServer(async ({ cast, send, store }) => {
    const set = [volume("data"), service("set", { volumes: [template()] })];
    await okJson(cast(set));
    await okJson(cast([["storageClass", { name: "other", driver: "local", reclaimPolicy: "delete" }]]));
    await okJson(send("POST", "/v1/storageclasses/other/actions/set-default"));
    const { results } = await okJson(cast(set));
    assert.deepEqual(results.map((r: { action: string }) => r.action), ["unchanged", "unchanged"]);
    await okJson(cast([volume("later")]));
    const { storageClassName, reclaimPolicy } = store.get("volume", "default", "later")!.spec;
    assert.deepEqual([storageClassName, reclaimPolicy], ["other", "delete"]);
  }));

Deno.test("cast uses the default class that the same cast declares", () =>
  withServer(async ({ cast, store }) => {
    await okJson(
      cast([volume("data"), ["storageClass", { name: "fast", driver: "local", default: true }]]),
    );
    assert.equal(store.get("volume", "default", "data")!.spec.storageClassName, "fast");
    assert.deepEqual(store.list("storageClass").filter((c) => c.spec.default).map((c) => c.name), ["fast"]);
  }));

Deno.test("cast names the fields that change, and bumps the generation for a spec only", () =>
  withServer(async ({ cast }) => {
    await okJson(cast([service("web", { env: { A: "1" } })]));
    const spec = await okJson(cast([service("web", { env: { A: "2" }, labels: { app: "web" } })]));
    assert.equal(spec.results[0].generation, 2);
    assert.deepEqual(spec.results[0].changes, [
      { path: "env.A", from: "1", to: "2" },
      { path: "labels.app", to: "web" },
    ]);
    const labels = await okJson(cast([service("web", { env: { A: "2" } })]));
    assert.deepEqual([labels.results[0].action, labels.results[0].generation], ["configured", 2]);
  }));

Deno.test("cast with dryRun says what a cast would do and writes nothing", () =>
  withServer(async ({ cast, store }) => {
    const before = store.revision;
    const { results } = await okJson(cast([volume("data")], { dryRun: true }));
    assert.equal(results[0].action, "created");
    assert.equal(store.revision, before);
    assert.equal(store.get("volume", "default", "data"), undefined);
    await problemOf(
      cast([volume("data", { storageClassName: "nope" })], { dryRun: true }),
      "invalid_argument",
    );
  }));

Deno.test("cast with force bumps the generation of services although nothing changed", () =>
  withServer(async ({ cast, store }) => {
    const set = [volume("web-data"), first("web")];
    await okJson(cast(set));
    const { results } = await okJson(cast(set, { force: true }));
    assert.deepEqual(
      results.map((r: { action: string; generation: number }) => [r.action, r.generation]),
      [["unchanged", 1], ["configured", 2]],
    );
    assert.notDeepEqual(store.get("service", "default", "web")!.annotations, {});
  }));

Deno.test("cast accepts a claim of a volume that is cast later", () =>
  withServer(async ({ cast }) => {
    await okJson(cast([process("agent", { volumes: [claim("later")] })]));
  }));

Deno.test("cast refuses a resource that is being deleted with a conflict that says so", () =>
  withServer(async ({ cast, send }) => {
    await okJson(cast([service("web")]));
    await okJson(send("DELETE", "/v1/namespaces/default/services/web"));
    const problem = await problemOf(cast([service("web", { scale: 2 }), volume("data")]), "conflict");
    assert.match(problem.issues![0]!.message, /service default\/web is being deleted/);
    await problemOf(send("POST", "/v1/namespaces/default/services/web/actions/restart"), "conflict");
  }));

Deno.test("cast refuses a host name or host port of another service, and can move one to another service in a single cast", () =>
  withServer(async ({ cast, send, store }) => {
    const makeNamed = (name: string, host: string, more: object = {}) =>
      process(name, { expose: { port: name === "a" ? 1 : 2, host }, ...more });
    await okJson(cast([makeNamed("a", "x.local", { namespace: "shop" })]));
    const { issues } = await problemOf(cast([makeNamed("b", "X.local")]), "invalid_argument");
    assert.deepEqual(issues!.map((i) => [i.path.join("."), i.message]), [
      ["expose.host", 'host name "x.local" is exposed by service shop/a'],
    ]);
    await okJson(cast([makeNamed("b", "x.local"), makeNamed("a", "y.local", { namespace: "shop" })]));
    assert.equal(store.get("service", "default", "b")!.spec.expose!.host, "x.local");
    const port = (name: string, scale = 1) => service(name, { scale, expose: { port: 80, hostPort: 8080 } });
    await okJson(cast([port("c"), port("d", 0)]));
    const scaled = await problemOf(
      send("POST", "/v1/namespaces/default/services/d/actions/scale", { scale: 1 }),
      "invalid_argument",
    );
    assert.match(scaled.detail, /port 8080 of this machine is exposed by service default\/c/);
    const more = await problemOf(
      send("POST", "/v1/namespaces/default/services/c/actions/scale", { scale: 2 }),
      "invalid_argument",
    );
    assert.match(more.detail, /published to one instance: expected scale 1, found 2/);
  }));

Deno.test("cast refuses a variable of a stored configmap that Linux cannot pass on, and a request above its limit", () =>
  withServer(async ({ cast }) => {
    await okJson(cast([["configmap", { name: "big", data: { VALUE: "x".repeat(131_070) } }]]));
    const { issues } = await problemOf(
      cast([service("a", { envFrom: [{ configName: "big" }] })]),
      "invalid_argument",
    );
    assert.equal(issues!.length, 1);
    assert.deepEqual(issues![0]!.path, ["envFrom", 0]);
    assert.match(issues![0]!.message, /^the variable VALUE has 131076 bytes/);
    const above = { resources: { memory: { request: "2Gi", limit: "1Gi" } } };
    assert.match(
      (await problemOf(cast([service("a", above)]), "invalid_argument")).detail,
      /at most the limit of 1Gi/,
    );
  }));

Deno.test("cast changes nothing when only the spelling of a quantity changed", () =>
  withServer(async ({ cast, store }) => {
    const set = (cpu: string, memory: string, size: string) =>
      cast([
        service("a", {
          resources: { cpu: { limit: cpu }, memory: { request: memory, limit: memory } },
          volumes: [template({ size })],
        }),
        volume("v", { size }),
      ]);
    await okJson(set("1", "1000000000", "1000"));
    const { results } = await okJson(set("1.0", "1e9", "1k"));
    assert.deepEqual(results.map((r: { action: string }) => r.action), ["unchanged", "unchanged"]);
    const spec = store.get("service", "default", "a")!.spec;
    assert.deepEqual(spec.resources, {
      cpu: { limit: "1" },
      memory: { request: "1000000000", limit: "1000000000" },
    });
    const more = await okJson(set("1.5", "1e9", "1k"));
    assert.deepEqual(more.results.map((r: { action: string }) => r.action), ["unchanged", "configured"]);
  }));
