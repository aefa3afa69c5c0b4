import assert from "node:assert/strict";
import { okJson, problemOf, service, volume, withServer } from "../server_fixture.ts";

Deno.test("/healthz is degraded where nothing can be stored, names no path, and fails for what has died", async () => {
  const problem = () => Promise.resolve("no room is left in /var/lib/rune");
  await withServer(async ({ send }) => {
    const health = await okJson(send("GET", "/healthz"));
    assert.equal(health.status, "degraded");
    assert.doesNotMatch(JSON.stringify(health), /\/var\/lib/);
    assert.match((await okJson(send("GET", "/v1/status"))).warnings.join("\n"), /no room is left/);
  }, { deps: { writes: { problem } } });
  await withServer(async ({ send }) => {
    const answer = await send("GET", "/healthz");
    assert.equal(answer.status, 503);
    assert.match((await answer.json()).detail, /no longer running: the audit log/);
  }, { deps: { listDead: () => ["the audit log"] } });
});

Deno.test("status shows recent warnings of what is there, newest first, and none of a predecessor", () =>
  withServer(async ({ send, cast, store }) => {
    await okJson(cast([volume("v"), service("web")]));
    const { uid } = store.get("volume", "default", "v")!;
    const at = new Date().toISOString();
    const addEvent = (name: string, object: { kind: string; name: string; uid: string }, more: object = {}) =>
      store.transact((tx) =>
        tx.create({
          kind: "event",
          namespace: "default",
          name,
          spec: {
            object,
            type: "Warning",
            reason: "Failed",
            message: name,
            count: 1,
            firstAt: at,
            lastAt: at,
            ...more,
          } as never,
          status: {},
        })
      );
    await addEvent("first", { kind: "volume", name: "v", uid });
    await addEvent("second", { kind: "volume", name: "v", uid });
    await addEvent("of-another", { kind: "volume", name: "v", uid: "older" });
    await addEvent("normal", { kind: "volume", name: "v", uid }, { type: "Normal" });
    await addEvent("long-ago", { kind: "volume", name: "v", uid }, { lastAt: "2020-01-01T00:00:00.000Z" });
    const { recentWarnings } = await okJson(send("GET", "/v1/status"));
    assert.deepEqual(recentWarnings.map((w: { message: string }) => w.message), ["second", "first"]);
  }));

Deno.test("/v1/version says what runs and takes no parameter", () =>
  withServer(async ({ send }) => {
    const { version, deno } = await okJson(send("GET", "/v1/version"));
    assert.deepEqual([version, deno], ["1.2.3", Deno.version.deno]);
    await problemOf(send("GET", "/v1/version?short=true"), "invalid_argument");
  }));
