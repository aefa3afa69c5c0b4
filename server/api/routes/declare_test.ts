import assert from "node:assert/strict";
import { okJson, problemOf, volume, withServer } from "../server_fixture.ts";

const ns = "/v1/namespaces/default";

Deno.test("PUT takes its name and namespace from the path, and refuses a body that says another", () =>
  withServer(async ({ send, store }) => {
    const made = await okJson(send("PUT", "/v1/namespaces/shop/volumes/v", { ...volume("v")[1] }), 201);
    assert.deepEqual([made.namespace, made.name], ["shop", "v"]);
    for (const [field, value] of [["name", "w"], ["namespace", "default"], ["name", 5]] as const) {
      const { issues, hint } = await problemOf(
        send("PUT", "/v1/namespaces/shop/volumes/v", { ...volume("v")[1], [field]: value }),
        "invalid_argument",
      );
      assert.deepEqual(issues![0]!.path, [field]);
      assert.match(hint!, new RegExp(`leave ${field} out|make them the same`));
    }
    assert.equal(store.list("volume").length, 1);
  }));

Deno.test("POST answers 201 once, and changes nothing of what is there", () =>
  withServer(async ({ send, store }) => {
    await okJson(send("POST", `${ns}/configmaps`, { name: "c", data: { a: "1" } }), 201);
    const revision = store.revision;
    const { hint } = await problemOf(
      send("POST", `${ns}/configmaps`, { name: "c", data: { a: "2" } }),
      "already_exists",
    );
    assert.match(hint!, /PUT in the API/);
    assert.equal(store.revision, revision);
  }));

Deno.test("DELETE heeds If-Match, and answers with the last state of what is gone", () =>
  withServer(async ({ send, store }) => {
    const { resourceVersion } = await okJson(send("POST", `${ns}/configmaps`, { name: "c" }), 201);
    const remove = (match: string) => send("DELETE", `${ns}/configmaps/c`, undefined, { "if-match": match });
    await problemOf(remove(`"${resourceVersion + 1}"`), "conflict");
    const { hint } = await problemOf(remove("latest"), "invalid_argument");
    assert.match(hint!, /If-Match: "17"/);
    assert.ok(store.get("configmap", "default", "c"));
    assert.equal((await okJson(remove(`"${resourceVersion}"`))).name, "c");
    assert.equal(store.get("configmap", "default", "c"), undefined);
    await problemOf(remove("*"), "not_found");
  }));

Deno.test("DELETE knows its parameters, and refuses a cascade where there is nothing below", () =>
  withServer(async ({ send }) => {
    await okJson(send("POST", `${ns}/configmaps`, { name: "c" }), 201);
    for (const query of ["cascade=true", "cascade=maybe", "colour=red"]) {
      await problemOf(send("DELETE", `${ns}/configmaps/c?${query}`), "invalid_argument");
    }
    await okJson(send("DELETE", `${ns}/configmaps/c`));
  }));
