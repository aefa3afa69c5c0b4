import assert from "node:assert/strict";
import { ANNOTATIONS } from "../../../model/marks.ts";
import type { Volume } from "../../../model/volume.ts";
import { RuneError } from "../../../model/error.ts";
import { nodeDrivers, noteCalls } from "../../../node/testing/drivers.ts";
import { makeNodes } from "../../../node/testing/partial_nodes.ts";
import { createApp } from "../app.ts";
import { okJson, problemOf, type TestServer, volume, withServer } from "../server_fixture.ts";

const V = "/v1/namespaces/default/volumes/v";

/** Stores a volume that is provisioned by the driver `noting`. */
async function provision({ cast, store }: TestServer): Promise<void> {
  await okJson(cast([volume("v")]));
  await store.transact((tx) => {
    const stored = tx.get("volume", "default", "v") as Volume;
    tx.update(stored, { status: { ...stored.status, state: "Available", driver: "noting", handle: "/v" } });
  });
}

Deno.test("resize grows a volume and keeps the rest of it, and refuses to shrink it", () =>
  withServer(async ({ send, cast, store }) => {
    await okJson(cast([volume("v", { labels: { app: "x" } })]));
    const grown = await okJson(send("POST", `${V}/actions/resize`, { size: "2Gi" }));
    assert.deepEqual([grown.spec.size, grown.labels], ["2Gi", { app: "x" }]);
    const revision = store.revision;
    const { issues } = await problemOf(
      send("POST", `${V}/actions/resize`, { size: "1Gi" }),
      "invalid_argument",
    );
    assert.deepEqual(issues![0]!.path, ["size"]);
    await problemOf(send("POST", `${V}/actions/resize`, { size: "much" }), "invalid_argument");
    await problemOf(send("POST", `${V}/actions/resize`, {}), "invalid_argument");
    assert.equal(store.revision, revision);
  }));

Deno.test("retry-provision is marked on what is not provisioned, and refused for what is", () =>
  withServer(async (server) => {
    const { send, cast } = server;
    await okJson(cast([volume("v")]));
    const marked = await okJson(send("POST", `${V}/actions/retry-provision`));
    assert.ok(marked.annotations[ANNOTATIONS.retryRequestedAt]);
    await provision(server);
    const { detail } = await problemOf(send("POST", `${V}/actions/retry-provision`), "failed_precondition");
    assert.match(detail, /volume default\/v is Available/);
  }));

Deno.test("actions on a volume that is not there, or is being deleted, are refused", () =>
  withServer(async ({ send, cast }) => {
    const actions = [["detach"], ["retry-provision"], ["resize", { size: "2Gi" }]] as const;
    for (const [action, body] of actions) {
      await problemOf(send("POST", `${V}/actions/${action}`, body), "not_found");
    }
    await okJson(cast([volume("v")]));
    await okJson(send("DELETE", V));
    for (const [action, body] of actions) {
      await problemOf(send("POST", `${V}/actions/${action}`, body), "conflict");
    }
  }));

Deno.test("usage is empty where there is no data or no driver for it, and says so when it takes too long", () =>
  withServer(async (server) => {
    const usageBy = async (answer: () => unknown) => {
      const { driver } = noteCalls("noting", { usage: answer });
      const drivers = nodeDrivers([driver]);
      const app = createApp({ ...server.deps, drivers, nodes: makeNodes({ drivers }) });
      return await app.request(`${V}/usage`, {}, { peer: "127.0.0.1" });
    };
    await okJson(server.cast([volume("v")]));
    assert.deepEqual(await okJson(usageBy(() => ({ usedBytes: 1 }))), {});
    await provision(server);
    assert.deepEqual(await okJson(usageBy(() => ({ usedBytes: 1 }))), { usedBytes: 1 });
    const failLate = () => {
      throw new RuneError("deadline_exceeded", "it did not end");
    };
    const { hint } = await problemOf(usageBy(failLate), "deadline_exceeded");
    assert.match(hint!, /du/);
    await problemOf(server.send("GET", "/v1/namespaces/default/volumes/w/usage"), "not_found");
  }));
