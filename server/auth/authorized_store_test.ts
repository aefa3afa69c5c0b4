/** No route writes a declared spec without a check of the caller's right to it. @module */
import assert from "node:assert/strict";
import { endpoints } from "../api/app.ts";
import { okJson } from "../api/server_fixture.ts";
import { withGuard } from "./auth_fixture.ts";
import { authorizedStore } from "./authorized_store.ts";

const IMAGE = { image: "busybox:1" };
const SIZE = { size: "1Gi", accessMode: "ReadWriteOnce" };
const ns = "/v1/namespaces/{namespace}";

/** Every route that writes, ordered so that each finds what it acts on. A route without a row here fails. */
const WRITES: Record<string, { name?: string; body?: unknown; after?: string }> = {
  "post /v1/cast": { body: { resources: [{ kind: "configmap", body: { name: "c", namespace: "shop" } }] } },
  "put /v1/namespaces/{name}": { name: "shop", body: {} },
  "post /v1/namespaces": { body: { name: "other" } },
  "put /v1/storageclasses/{name}": { name: "k", body: { driver: "local", reclaimPolicy: "delete" } },
  "post /v1/storageclasses": { body: { name: "l", driver: "local" } },
  "post /v1/storageclasses/{name}/actions/set-default": { name: "k" },
  ...Object.fromEntries(
    Object.entries({
      secrets: {},
      configmaps: {},
      volumes: SIZE,
      snapshots: { source: { volume: "x" } },
      services: IMAGE,
    }).flatMap(([plural, body]) => [
      [`put ${ns}/${plural}/{name}`, { body }],
      [`post ${ns}/${plural}`, { body: { ...body, name: "y" } }],
    ]),
  ),
  [`post ${ns}/services/{name}/actions/scale`]: { body: { scale: 3 } },
  [`post ${ns}/services/{name}/actions/restart`]: {},
  [`post ${ns}/services/{name}/actions/rollback`]: { body: { toGeneration: 1 } },
  [`post ${ns}/services/{name}/actions/stop`]: {},
  [`post ${ns}/volumes/{name}/actions/detach`]: {},
  [`post ${ns}/volumes/{name}/actions/retry-provision`]: {},
};
/** Routes that write no declared spec, or that another test covers. */
const OTHERS = [
  /^(put|post|delete) \/v1\/(admin|auth)\//,
  // It only reads images.
  /^post \/v1\/images\/describe$/,
  // It writes nothing but a deletion.
  /^delete /,
  // `undelete` needs data in the trash (references_test.ts); `resize` works like `scale`, and no driver here
  // can grow a volume.
  /\/actions\/(undelete|resize)$/,
];

Deno.test("every route that writes a spec checks the right to it first", () =>
  withGuard(async ({ deps, root, as }) => {
    const routes = endpoints(deps).filter((r) => r.method !== "get").map((r) => `${r.method} ${r.path}`);
    const unknown = routes.filter((r) => !(r in WRITES) && !OTHERS.some((other) => other.test(r)));
    assert.deepEqual(unknown, [], "routes without a row");
    for (const [route, { name = "x", body }] of Object.entries(WRITES)) {
      assert.ok(routes.includes(route), route);
      const [method, path] = route.split(" ") as [string, string];
      const url = path.replace("{namespace}", "shop").replace("{name}", name);
      const answer = await as(root, method.toUpperCase(), url, body);
      assert.ok(answer.status < 300, `${route}: ${await answer.text()}`);
      // Create a second generation for the rollback.
      if (route.endsWith("/scale")) {
        await okJson(as(root, "PUT", "/v1/namespaces/shop/services/x", { ...IMAGE, env: { A: "1" } }));
      }
    }
    assert.equal(deps.store.get("storageClass", "", "k")?.spec.default, true);
  }));

Deno.test("a route that checks no right writes nothing", () =>
  withGuard(async ({ deps, root, as }) => {
    await okJson(as(root, "PUT", "/v1/namespaces/shop/services/x", IMAGE), 201);
    const store = authorizedStore(deps.store);
    const before = deps.store.get("service", "shop", "x")!;
    const spec = { ...before.spec, securityContext: { privileged: true } };
    const fault = { code: "internal" };
    await assert.rejects(store.transact((tx) => tx.update(before, { spec })), fault);
    await assert.rejects(
      store.transact((tx) => {
        const { kind, namespace, status } = before;
        tx.create({ kind, namespace, name: "z", spec, status });
      }),
      fault,
    );
    assert.deepEqual(deps.store.get("service", "shop", "x"), before);
    assert.equal(deps.store.get("service", "shop", "z"), undefined);
    // Everything but specs can be written without a check: marks and deletions.
    await store.transact((tx) => tx.update(before, { annotations: { a: "b" }, spec: before.spec }));
    assert.deepEqual(store.get("service", "shop", "x")!.annotations, { a: "b" });
  }));
