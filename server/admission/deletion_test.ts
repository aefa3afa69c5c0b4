import assert from "node:assert/strict";
import { FINALIZERS } from "../../model/marks.ts";
import { claim, okJson, problemOf, service, template, volume, withServer } from "../api/server_fixture.ts";

const ns = "/v1/namespaces/default";

Deno.test("deleteResource() marks what controllers must clean up, and a repeated call changes nothing", () =>
  withServer(async ({ cast, send, store }) => {
    await okJson(cast([service("web")]));
    const asked = await okJson(send("DELETE", `${ns}/services/web`));
    assert.ok(asked.deletionRequestedAt);
    const again = await okJson(send("DELETE", `${ns}/services/web`));
    assert.equal(again.resourceVersion, asked.resourceVersion);
    await okJson(send("DELETE", `${ns}/services/web?cascade=true`));
    assert.deepEqual(store.get("service", "default", "web")!.finalizers, [
      FINALIZERS.instances,
      FINALIZERS.volumeCleanup,
    ]);
  }));

Deno.test("deleteResource() removes a resource without finalizers at once", () =>
  withServer(async ({ cast, send, store }) => {
    await okJson(cast([["configmap", { name: "c", data: { a: "1" } }]]));
    await okJson(send("DELETE", `${ns}/configmaps/c`));
    assert.equal(store.get("configmap", "default", "c"), undefined);
    await problemOf(send("DELETE", `${ns}/configmaps/c`), "not_found");
  }));

Deno.test("deleteResource() refuses a volume that a service claims, by name or template, if its data would be destroyed", () =>
  withServer(async ({ cast, send }) => {
    await okJson(cast([
      volume("a", { reclaimPolicy: "delete" }),
      volume("kept"),
      volume("data-set-0", { reclaimPolicy: "delete" }),
      volume("data-set-1"),
      service("web", { namespace: "other", volumes: [claim("a.default.rune")] }),
      service("last", { volumes: [claim("kept")] }),
      service("set", { volumes: [template()] }),
    ]));
    const claimed = await problemOf(send("DELETE", `${ns}/volumes/a`), "conflict");
    assert.match(claimed.detail, /claimed by service other\/web/);
    await problemOf(send("DELETE", `${ns}/volumes/data-set-0`), "conflict");
    await okJson(send("DELETE", `${ns}/volumes/data-set-1`));
    await okJson(send("DELETE", `${ns}/volumes/kept`));
  }));

Deno.test("deleteResource() refuses a mounted volume, and names who mounts it", () =>
  withServer(async ({ cast, send, store }) => {
    await okJson(cast([volume("a", { reclaimPolicy: "delete" })]));
    await store.transact((tx) =>
      tx.create({
        kind: "lease",
        namespace: "default",
        name: "a",
        spec: {
          holders: [{ instanceUid: "u", namespace: "default", instance: "web-0", mode: "rw", since: tx.now }],
        },
        status: {},
      })
    );
    const { detail } = await problemOf(send("DELETE", `${ns}/volumes/a`), "conflict");
    assert.match(detail, /mounted by default\/web-0/);
  }));

Deno.test("deleteResource() refuses a class with volumes unless cascade, and never touches the volumes", () =>
  withServer(async ({ cast, send, store }) => {
    await okJson(
      cast([["storageClass", { name: "x", driver: "local" }], volume("a", { storageClassName: "x" })]),
    );
    const { detail } = await problemOf(send("DELETE", "/v1/storageclasses/x"), "conflict");
    assert.match(detail, /1 volumes?: default\/a/);
    await okJson(send("DELETE", "/v1/storageclasses/x?cascade=true"));
    assert.equal(store.get("volume", "default", "a")!.deletionRequestedAt, undefined);
  }));

Deno.test("deleteResource() refuses namespaces that are not empty, and the default one", () =>
  withServer(async ({ cast, send, store }) => {
    await okJson(cast([["configmap", { name: "c", namespace: "shop" }]]));
    const { detail } = await problemOf(send("DELETE", "/v1/namespaces/shop"), "conflict");
    assert.match(detail, /not empty: 1 configmap/);
    await okJson(send("DELETE", "/v1/namespaces/shop/configmaps/c"));
    await okJson(send("DELETE", "/v1/namespaces/shop"));
    assert.equal(store.get("namespace", "", "shop"), undefined);
    await problemOf(send("DELETE", "/v1/namespaces/default"), "conflict");
  }));

Deno.test("deleteResource() refuses another version and a cascade without meaning", () =>
  withServer(async ({ cast, send }) => {
    await okJson(cast([["configmap", { name: "c" }]]));
    await problemOf(send("DELETE", `${ns}/configmaps/c`, undefined, { "if-match": '"1"' }), "conflict");
    await problemOf(send("DELETE", `${ns}/configmaps/c?cascade=true`), "invalid_argument");
  }));
