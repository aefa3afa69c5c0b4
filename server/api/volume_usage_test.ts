import assert from "node:assert/strict";
import type { Volume } from "../../model/volume.ts";
import { nodeDrivers, noteCalls } from "../../node/testing/drivers.ts";
import { makeNodes } from "../../node/testing/partial_nodes.ts";
import { createApp } from "./app.ts";
import { okJson, volume, withServer } from "./server_fixture.ts";

Deno.test("a volume is measured with the value of a secret, never with its reference", () =>
  withServer(async ({ store, deps, cast }) => {
    await okJson(cast([volume("v"), ["secret", { name: "cloud", data: { token: "value" } }]]));
    await store.transact((tx) => {
      const stored = tx.get("volume", "default", "v") as Volume;
      const driverParameters = { token: "secret:cloud/token" };
      tx.update(stored, { status: { ...stored.status, driver: "noting", handle: "h", driverParameters } });
    });
    const noting = noteCalls("noting", { usage: () => ({ usedBytes: 7 }) });
    const drivers = nodeDrivers([noting.driver], deps.secrets);
    const app = createApp({ ...deps, nodes: makeNodes({ drivers }) });
    const answer = await app.request("/v1/namespaces/default/volumes/v/usage", {}, { peer: "127.0.0.1" });
    assert.deepEqual(await answer.json(), { usedBytes: 7 });
    assert.deepEqual(noting.calls, [{ call: "usage", parameters: { token: "value" } }]);
  }));
