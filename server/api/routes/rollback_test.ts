import assert from "node:assert/strict";
import { okJson, problemOf, service, withServer } from "../server_fixture.ts";

const ROLLBACK = "/v1/namespaces/default/services/web/actions/rollback";

Deno.test("rollback takes up an earlier spec as a new generation, and keeps the scale", () =>
  withServer(async ({ send, cast }) => {
    await okJson(cast([service("web", { image: "busybox:1" })]));
    await okJson(cast([service("web", { image: "busybox:2", scale: 3 })]));
    const back = await okJson(send("POST", ROLLBACK, { toGeneration: 1 }));
    assert.deepEqual([back.generation, back.spec.image, back.spec.scale], [3, "busybox:1", 3]);
  }));

Deno.test("rollback refuses the current generation and one that is not kept, and changes nothing", () =>
  withServer(async ({ send, cast, store }) => {
    await okJson(cast([service("web", { image: "busybox:1" })]));
    const only = await problemOf(send("POST", ROLLBACK, { toGeneration: 7 }), "not_found");
    assert.match(only.hint!, /only one generation/);
    await okJson(cast([service("web", { image: "busybox:2" })]));
    const revision = store.revision;
    await problemOf(send("POST", ROLLBACK, { toGeneration: 2 }), "failed_precondition");
    const absent = await problemOf(send("POST", ROLLBACK, { toGeneration: 7 }), "not_found");
    assert.match(absent.hint!, /kept: 1 \(rune history web -n default\)/);
    // No instance of an earlier generation was ever ready.
    const unready = await problemOf(send("POST", ROLLBACK, {}), "failed_precondition");
    assert.match(unready.hint!, /--to-generation/);
    await problemOf(send("POST", ROLLBACK, { toGeneration: 0 }), "invalid_argument");
    assert.equal(store.revision, revision);
  }));

Deno.test("rollback of a service that is not there, or is being deleted, is refused", () =>
  withServer(async ({ send, cast }) => {
    await problemOf(send("POST", ROLLBACK, {}), "not_found");
    await okJson(cast([service("web")]));
    await okJson(send("DELETE", "/v1/namespaces/default/services/web"));
    await problemOf(send("POST", ROLLBACK, { toGeneration: 1 }), "conflict");
  }));
