import assert from "node:assert/strict";
import { MAX_BODY_BYTES } from "../../model/api.ts";
import { makeNodes } from "../../node/testing/partial_nodes.ts";
import type { Runner } from "../../runners/runner.ts";
import { RuneError } from "../../model/error.ts";
import { createApp, endpoints } from "./app.ts";
import { accessOf } from "../auth/access.ts";
import { okJson, problemOf, service, volume, withServer } from "./server_fixture.ts";

const ns = "/v1/namespaces/default";

Deno.test("createApp() answers unknown paths and wrong methods with problems", () =>
  withServer(async ({ send }) => {
    await problemOf(send("GET", "/v1/nothing"), "not_found");
    const answer = await send("DELETE", "/v1/cast");
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.get("allow"), "POST");
    assert.equal((await answer.json()).code, "invalid_argument");
    assert.equal((await send("DELETE", `${ns}/instances/web-0`)).status, 405);
  }));

Deno.test("createApp() refuses foreign hosts and web pages, and accepts loopback", () =>
  withServer(async ({ send, deps }) => {
    await problemOf(send("GET", "/healthz", undefined, { host: "evil.example" }), "permission_denied");
    await problemOf(send("GET", "/healthz", undefined, { host: "10.0.0.7" }), "permission_denied");
    for (const origin of ["http://evil.example", "null", "http://localhost:1"]) {
      await problemOf(send("GET", "/healthz", undefined, { origin }), "permission_denied");
    }
    for (const host of ["localhost:7861", "127.0.0.1:7861", "[::1]:7861"]) {
      await okJson(send("GET", "/healthz", undefined, { host, origin: `http://${host}` }));
    }
    const open = createApp({ ...deps, hosts: ["*", "box"] });
    for (
      const [host, status] of [["10.0.0.7:1", 200], ["box", 200], ["[fe80::1]:1", 200], ["evil.example", 403]]
    ) {
      const answer = await open.request("/healthz", { headers: { host: String(host) } });
      assert.equal(answer.status, status, String(host));
      await answer.body?.cancel();
    }
  }));

Deno.test("createApp() puts a request id and nosniff on every answer", () =>
  withServer(async ({ send }) => {
    for (const path of ["/healthz", "/nothing", `${ns}/services/BAD`, "/openapi.json"]) {
      const answer = await send("GET", path, undefined, { "x-request-id": "abc-1" });
      assert.equal(answer.headers.get("x-request-id"), "abc-1", path);
      assert.equal(answer.headers.get("x-content-type-options"), "nosniff", path);
      await answer.body?.cancel();
    }
    const forged = await send("GET", "/healthz", undefined, { "x-request-id": "a b\tc" });
    assert.match(forged.headers.get("x-request-id")!, /^[0-9a-f-]{36}$/);
    await forged.body?.cancel();
  }));

Deno.test("createApp() refuses bodies that are too large, of another type, or not JSON", () =>
  withServer(async ({ send, deps }) => {
    const huge = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(MAX_BODY_BYTES / 4));
      },
    });
    const app = createApp(deps);
    const post = async (body: BodyInit, headers = { "content-type": "application/json" }) =>
      await app.request("/v1/cast", { method: "POST", body, headers });
    await problemOf(post(huge), "payload_too_large");
    await problemOf(post("{}", { "content-type": "text/plain" }), "invalid_argument");
    const { detail: encoding } = await problemOf(
      post(new Uint8Array([0x22, 0xff, 0x22])),
      "invalid_argument",
    );
    assert.match(encoding, /not UTF-8/);
    const { detail } = await problemOf(send("POST", "/v1/cast", '{\n "resources": [,]}'), "invalid_argument");
    assert.match(detail, /line 2, column 16/);
  }));

Deno.test("createApp() refuses invalid names and unknown parameters and fields", () =>
  withServer(async ({ send }) => {
    await problemOf(send("GET", "/v1/namespaces/BAD/services"), "invalid_argument");
    await problemOf(send("GET", `${ns}/services/a%2Fb`), "invalid_argument");
    const { issues } = await problemOf(send("GET", `${ns}/services?labelSelectr=a`), "invalid_argument");
    assert.equal(issues![0]!.hint, 'did you mean "labelSelector"?');
    await problemOf(send("GET", `${ns}/services?limit=0`), "invalid_argument");
    await problemOf(send("GET", "/v1/version?x=1"), "invalid_argument");
    await problemOf(send("GET", `${ns}/services?labelSelector=a%20b%20c`), "invalid_argument");
  }));

Deno.test("createApp() describes every route in an OpenAPI document without broken references", () =>
  withServer(async ({ send, deps }) => {
    const document = await okJson(send("GET", "/openapi.json"));
    assert.match(document.openapi, /^3\.1\./);
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method} ${path}`)
    );
    assert.deepEqual(described.sort(), endpoints(deps).map((r) => `${r.method} ${r.path}`).sort());
    const mounted = createApp(deps).routes.filter((r) => r.method !== "ALL" && r.path !== "/openapi.json")
      .map((r) => `${r.method.toLowerCase()} ${r.path.replace(/:(\w+)/g, "{$1}")}`);
    assert.deepEqual(described, mounted.sort());
    const { ServiceBody } = document.components.schemas;
    assert.match(ServiceBody.properties.scale.description, /^How many instances run/);
    assert.match(ServiceBody.properties.ports.items.properties.protocol.description, /protocol/);
    const ids = new Set<string>();
    for (const [path, methods] of Object.entries<Record<string, Operation>>(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const { operationId, parameters = [], responses, security, description } = operation;
        const access = accessOf({ method: method as "get", path })!;
        const open = access.who === "anyone" || access.who === "loopback";
        assert.deepEqual(security, open ? [] : [{ token: [] }], operationId);
        assert.match(
          description,
          access.who === "permitted" ? new RegExp(`${access.resource}: ${access.verb}`) : /^Needs/,
        );
        assert.ok(!ids.has(operationId), operationId);
        ids.add(operationId);
        const declared = parameters.filter((p) => p.in === "path").map((p) => `{${p.name}}`);
        assert.deepEqual(declared, path.match(/\{\w+\}/g) ?? [], path);
        for (const response of Object.values(responses)) assert.ok(response.description, path);
      }
    }
    for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      assert.ok(document.components.schemas[name!], name);
    }
  }));

interface Operation {
  operationId: string;
  description: string;
  security: object[];
  parameters?: { in: string; name: string }[];
  responses: Record<string, { description: string }>;
}

Deno.test("/healthz is 503 while the daemon stops and when the store is closed", () =>
  withServer(async ({ send, shutdown, store }) => {
    assert.deepEqual(await okJson(send("GET", "/healthz")), { status: "ok" });
    shutdown.abort();
    assert.match((await okJson(send("GET", "/healthz"), 503)).detail, /shutting down/);
    await store.close();
    assert.equal((await send("GET", "/healthz")).status, 503);
  }));

Deno.test("lists can be filtered, have pages without gaps, and state their revision", () =>
  withServer(async ({ send, cast, store }) => {
    await okJson(cast([
      volume("a", { labels: { app: "x" } }),
      volume("b"),
      volume("c", { labels: { app: "x" } }),
      volume("a", { namespace: "shop", labels: { app: "x" } }),
    ]));
    const names = (list: { items: { namespace: string; name: string }[] }) =>
      list.items.map((r) => `${r.namespace}/${r.name}`);
    const all = await okJson(send("GET", "/v1/volumes?labelSelector=app%3Dx"));
    assert.deepEqual(names(all), ["default/a", "default/c", "shop/a"]);
    assert.equal(all.revision, store.revision);
    assert.deepEqual(names(await okJson(send("GET", `${ns}/volumes?fieldSelector=name%3Db`))), ["default/b"]);
    const page = await okJson(send("GET", "/v1/volumes?limit=2"));
    assert.deepEqual(names(page), ["default/a", "default/b"]);
    await okJson(send("DELETE", `${ns}/volumes/b`));
    await store.transact((tx) => tx.remove(tx.get("volume", "default", "b")!));
    const rest = await okJson(
      send("GET", `/v1/volumes?limit=2&continue=${encodeURIComponent(page.continue)}`),
    );
    assert.deepEqual(names(rest), ["default/c", "shop/a"]);
    assert.equal(rest.continue, undefined);
    await problemOf(send("GET", "/v1/volumes?continue=%FF"), "invalid_argument");
  }));

Deno.test("PUT creates, replaces, honours If-Match, and refuses a body that contradicts the path", () =>
  withServer(async ({ send }) => {
    const path = `${ns}/services/web`;
    const made = await send("PUT", path, { image: "busybox:1" });
    assert.equal(made.status, 201);
    const etag = made.headers.get("etag")!;
    assert.equal(etag, `"${(await made.json()).resourceVersion}"`);
    const changed = await okJson(send("PUT", path, { image: "busybox:2" }, { "if-match": etag }));
    assert.equal(changed.generation, 2);
    await problemOf(send("PUT", path, { image: "busybox:3" }, { "if-match": etag }), "conflict");
    await problemOf(send("PUT", path, { image: "busybox:3" }, { "if-match": "W/x" }), "invalid_argument");
    await problemOf(send("PUT", `${ns}/services/new`, { image: "b" }, { "if-match": "1" }), "not_found");
    const { issues } = await problemOf(send("PUT", path, { name: "other", image: "b" }), "invalid_argument");
    assert.deepEqual(issues![0]!.path, ["name"]);
    const answer = await send("GET", path);
    assert.equal(answer.headers.get("etag"), `"${(await answer.json()).resourceVersion}"`);
  }));

Deno.test("POST creates, and refuses a resource that exists", () =>
  withServer(async ({ send }) => {
    await okJson(send("POST", `${ns}/services`, service("web")[1]), 201);
    await problemOf(send("POST", `${ns}/services`, service("web")[1]), "already_exists");
    await okJson(send("POST", "/v1/namespaces", { name: "shop" }), 201);
  }));

Deno.test("actions mark services and volumes, and are refused if they would do nothing", () =>
  withServer(async ({ send, cast, store }) => {
    await okJson(cast([service("web"), volume("a")]));
    const web = `${ns}/services/web/actions`;
    const restarted = await okJson(send("POST", `${web}/restart`));
    assert.equal(restarted.generation, 1);
    assert.ok(restarted.annotations["rune.io/restarted-at"]);
    assert.equal((await okJson(send("POST", `${web}/stop`))).spec.scale, 0);
    await problemOf(send("POST", `${web}/restart`), "failed_precondition");
    await okJson(send("POST", `${ns}/volumes/a/actions/retry-provision`));
    const volumeA = store.get("volume", "default", "a")!;
    await store.transact((tx) => tx.update(volumeA, { status: { ...volumeA.status, state: "Available" } }));
    await problemOf(send("POST", `${ns}/volumes/a/actions/retry-provision`), "failed_precondition");
    await okJson(send("POST", `${ns}/volumes/a/actions/detach`));
    await problemOf(send("POST", `${ns}/volumes/none/actions/detach`), "not_found");
  }));

Deno.test("history lists accepted specs, newest first, and omits scaling", () =>
  withServer(async ({ send, cast }) => {
    await okJson(cast([service("web")]));
    await okJson(cast([service("web", { scale: 3 })]));
    await okJson(cast([service("web", { scale: 3, env: { V: "2" } })]));
    const { items } = await okJson(send("GET", `${ns}/services/web/history`));
    assert.deepEqual(
      items.map((i: { generation: number; by: string; live: boolean }) => [i.generation, i.by, i.live]),
      [
        [3, "anonymous", true],
        [1, "anonymous", false],
      ],
    );
    await problemOf(send("GET", `${ns}/services/none/history`), "not_found");
  }));

Deno.test("status counts the resources of each namespace", () =>
  withServer(async ({ send, cast }) => {
    await okJson(cast([service("web"), service("idle", { scale: 0 }), volume("a")]));
    const status = await okJson(send("GET", "/v1/status"));
    assert.deepEqual(status.namespaces, [{
      name: "default",
      services: { Pending: 1, Stopped: 1 },
      instances: { total: 0, ready: 0 },
      volumes: { Pending: 1 },
    }]);
    assert.equal((await okJson(send("GET", "/v1/version"))).version, "1.2.3");
  }));

Deno.test("the status shows an adopted Engine at once", async () => {
  await withServer(async ({ deps, send }) => {
    let isOurs = false;
    const runner = {
      name: "docker",
      check: () =>
        isOurs ? Promise.resolve() : Promise.reject(new RuneError("unavailable", "another Engine")),
      adopt: () => Promise.resolve({ changed: isOurs = true, id: "e", root: "/r" }),
    } as unknown as Runner;
    deps.nodes = makeNodes({ runners: new Map([["docker", runner]]) });
    const states = async () => (await okJson(send("GET", "/v1/status"))).runners;
    assert.deepEqual(await states(), [{ name: "docker", ok: false, message: "another Engine" }]);
    await okJson(send("POST", "/v1/admin/adopt-engine", { containersAreGone: true }));
    assert.deepEqual(await states(), [{ name: "docker", ok: true }]);
  });
});
