import assert from "node:assert/strict";
import { withGuard } from "../../auth/auth_fixture.ts";
import { okJson, problemOf, volume, withServer } from "../server_fixture.ts";

const ns = "/v1/namespaces/default";
const names = ({ items }: { items: { name: string }[] }) => items.map(({ name }) => name);

Deno.test("a list takes no field of a watch, and a watch none of a page", () =>
  withServer(async ({ send }) => {
    const { hint } = await problemOf(send("GET", `${ns}/volumes?since=1`), "invalid_argument");
    assert.match(hint!, /watch=true/);
    for (const query of ["limit=1", "continue=eA"]) {
      await problemOf(send("GET", `${ns}/volumes?watch=true&${query}`), "invalid_argument");
    }
    for (const query of ["limit=0", "limit=x", "watch=yes", "fieldSelector=colour%3Dred"]) {
      await problemOf(send("GET", `${ns}/volumes?${query}`), "invalid_argument");
    }
  }));

Deno.test("a page goes on after the last name, whatever was made or removed meanwhile", () =>
  withServer(async ({ send, cast }) => {
    await okJson(cast(["a", "c", "e"].map((name) => ["configmap", { name }])));
    const first = await okJson(send("GET", `${ns}/configmaps?limit=2`));
    assert.deepEqual(names(first), ["a", "c"]);
    await okJson(cast([["configmap", { name: "b" }], ["configmap", { name: "d" }]]));
    await okJson(send("DELETE", `${ns}/configmaps/c`));
    const next = encodeURIComponent(first.continue);
    assert.deepEqual(names(await okJson(send("GET", `${ns}/configmaps?limit=5&continue=${next}`))), [
      "d",
      "e",
    ]);
    for (const token of ["%25%25", "bm8tc2xhc2g"]) {
      await problemOf(send("GET", `${ns}/configmaps?continue=${token}`), "invalid_argument");
    }
  }));

Deno.test("lists over all namespaces show those of the caller alone", () =>
  withGuard(async ({ root, as, someone }) => {
    const rules = [{ resource: "volumes", verbs: ["get", "list"], namespace: "shop" }];
    await okJson(as(root, "POST", "/v1/admin/policies", { name: "shop", rules }), 201);
    const resources = ["default", "shop"].map((namespace) => {
      const [kind, body] = volume("v", { namespace });
      return { kind, body };
    });
    await okJson(as(root, "POST", "/v1/cast", { resources }));
    const ann = await someone("ann", ["shop"]);
    const all = await okJson(as(ann, "GET", "/v1/volumes"));
    assert.deepEqual(all.items.map((v: { namespace: string }) => v.namespace), ["shop"]);
    await problemOf(as(ann, "GET", `${ns}/volumes`), "permission_denied");
    await problemOf(as(ann, "GET", `${ns}/volumes/v`), "permission_denied");
  }));

Deno.test("a watch begins with what there is, and its version is the ETag of what is read", () =>
  withServer(async ({ send, cast, shutdown }) => {
    await okJson(cast([["configmap", { name: "c" }]]));
    const one = await send("GET", `${ns}/configmaps/c`);
    assert.equal(one.headers.get("etag"), `"${(await one.json()).resourceVersion}"`);
    await problemOf(send("GET", `${ns}/configmaps/none`), "not_found");
    const stream = await send("GET", `${ns}/configmaps?watch=true`);
    assert.match(stream.headers.get("content-type")!, /text\/event-stream/);
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes('"c"')) text += (await reader.read()).value;
    shutdown.abort();
    while (!(await reader.read()).done);
  }));
