import assert from "node:assert/strict";
import { okJson, problemOf, withServer } from "../server_fixture.ts";

const PATH = "/v1/admin/registries";

Deno.test("a registry is stored, listed without its credentials, replaced and removed", () =>
  withServer(async ({ send, store }) => {
    const match = "registry.example.com";
    const body = { match, username: "ann", password: "hidden-word" };
    await okJson(send("PUT", PATH, body));
    const { items } = await okJson(send("GET", PATH));
    assert.deepEqual(items.map((r: { match: string }) => r.match), [match]);
    assert.doesNotMatch(JSON.stringify(items), /hidden-word/);
    await okJson(send("PUT", PATH, { match, token: "another-word" }));
    assert.equal(store.list("registry").length, 1);
    await okJson(send("DELETE", `${PATH}?match=${match}`));
    assert.deepEqual([store.list("registry"), store.list("sealedSecret")], [[], []]);
    await problemOf(send("DELETE", `${PATH}?match=${match}`), "not_found");
  }));

Deno.test("a registry is refused with half of its credentials, or with a secret that has none", () =>
  withServer(async ({ send, cast, store }) => {
    const match = "registry.example.com";
    for (const body of [{ match }, { match, username: "ann" }, { match, token: "a", username: "b" }]) {
      await problemOf(send("PUT", PATH, body), "invalid_argument");
    }
    await problemOf(send("PUT", PATH, { match, secret: "absent" }), "not_found");
    await okJson(cast([["secret", { name: "s", data: { colour: "red" } }]]));
    const { detail } = await problemOf(send("PUT", PATH, { match, secret: "s" }), "failed_precondition");
    assert.match(detail, /colour/);
    assert.deepEqual(store.list("registry"), []);
    await problemOf(send("DELETE", PATH), "invalid_argument");
  }));
