import assert from "node:assert/strict";
import { ANNOTATIONS } from "../../../model/marks.ts";
import { okJson, problemOf, service, withServer } from "../server_fixture.ts";

const WEB = "/v1/namespaces/default/services/web";

Deno.test("scale sets the number of instances and nothing else, and refuses one that is out of bounds", () =>
  withServer(async ({ send, cast, store }) => {
    await okJson(cast([service("web", { env: { A: "1" } })]));
    const scaled = await okJson(send("POST", `${WEB}/actions/scale`, { scale: 4 }));
    assert.deepEqual([scaled.spec.scale, scaled.spec.env], [4, { A: "1" }]);
    const revision = store.revision;
    for (const body of [{}, { scale: -1 }, { scale: 1.5 }, { scale: 1001 }, { scale: 1, colour: "red" }]) {
      await problemOf(send("POST", `${WEB}/actions/scale`, body), "invalid_argument");
    }
    assert.equal(store.revision, revision);
  }));

Deno.test("a gradual scale is marked with where it began, and only when it changes something", () =>
  withServer(async ({ send, cast }) => {
    await okJson(cast([service("web", { scale: 2 })]));
    const scaled = await okJson(
      send("POST", `${WEB}/actions/scale`, { scale: 6, gradual: { step: 2, interval: "5s" } }),
    );
    const mark = scaled.annotations[ANNOTATIONS.gradualScale];
    assert.ok(mark);
    const again = await okJson(send("POST", `${WEB}/actions/scale`, { scale: 6, gradual: {} }));
    assert.equal(again.resourceVersion, scaled.resourceVersion);
    await problemOf(
      send("POST", `${WEB}/actions/scale`, { scale: 7, gradual: { step: 0 } }),
      "invalid_argument",
    );
  }));

Deno.test("stop scales to 0; a service that is stopped cannot be restarted, and says how it is started", () =>
  withServer(async ({ send, cast }) => {
    await okJson(cast([service("web", { scale: 2 })]));
    assert.ok((await okJson(send("POST", `${WEB}/actions/restart`))).annotations[ANNOTATIONS.restartedAt]);
    assert.equal((await okJson(send("POST", `${WEB}/actions/stop`))).spec.scale, 0);
    const { hint } = await problemOf(send("POST", `${WEB}/actions/restart`), "failed_precondition");
    assert.match(hint!, /rune scale web <n> -n default/);
  }));

Deno.test("actions on a service that is not there or is being deleted are refused", () =>
  withServer(async ({ send, cast }) => {
    for (
      const [action, body] of [["scale", { scale: 1 }], ["stop", undefined], ["restart", undefined]] as const
    ) {
      await problemOf(send("POST", `${WEB}/actions/${action}`, body), "not_found");
    }
    await problemOf(send("GET", `${WEB}/history`), "not_found");
    await okJson(cast([service("web")]));
    await okJson(send("DELETE", WEB));
    await problemOf(send("POST", `${WEB}/actions/restart`), "conflict");
    await problemOf(send("POST", `${WEB}/actions/scale`, { scale: 3 }), "conflict");
  }));
