import assert from "node:assert/strict";
import { createMetrics } from "../../metrics/metrics.ts";
import { withGuard } from "../../auth/auth_fixture.ts";
import { okJson, problemOf, withServer } from "../server_fixture.ts";
import { createApp } from "../app.ts";
import { Gauge } from "prom-client";

Deno.test("/metrics is Prometheus's text, and not there where nothing is counted", async () => {
  await withServer(async ({ send }) => {
    await problemOf(send("GET", "/metrics"), "not_found");
  });
  await withServer(async ({ send }) => {
    const answer = await send("GET", "/metrics");
    assert.match(answer.headers.get("content-type")!, /^text\/plain; version=/);
    assert.match(await answer.text(), /rune_build_info\{version="1\.2\.3",commit="unknown"\} 1/);
  }, { deps: { metrics: createMetrics({ version: "1.2.3" }) } });
});

Deno.test("/metrics leaves out figures of namespaces that the caller may not see", () =>
  withGuard(async ({ root, as, someone, deps }) => {
    const metrics = createMetrics({ version: "1.2.3" });
    const gauge = new Gauge({
      name: "rune_test",
      help: "x",
      labelNames: ["namespace"],
      registers: [metrics.registry],
    });
    gauge.set({ namespace: "shop" }, 1);
    gauge.set({ namespace: "other" }, 1);
    const rules = [
      { resource: "services", verbs: ["list"], namespace: "shop" },
    ];
    await okJson(as(root, "POST", "/v1/admin/policies", { name: "shop", rules }), 201);
    const token = await someone("ann", ["shop"]);
    const app = createApp({ ...deps, metrics });
    const headers = { authorization: `Bearer ${token}` };
    const text = await (await app.request("/metrics", { headers }, { peer: "127.0.0.1" })).text();
    assert.match(text, /namespace="shop"/);
    assert.doesNotMatch(text, /namespace="other"/);
  }));
