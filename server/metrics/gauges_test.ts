import assert from "node:assert/strict";
import type { Volume } from "../../model/volume.ts";
import { fixedSecrets, nodeDrivers, noteCalls } from "../../node/testing/drivers.ts";
import { findNode } from "../../node/placement.ts";
import { makeNodes } from "../../node/testing/partial_nodes.ts";
import { okJson, volume, withServer } from "../api/server_fixture.ts";
import { registerGauges } from "./gauges.ts";
import { createMetrics } from "./metrics.ts";
import { readUsage } from "./disk_usage.ts";

Deno.test("gauges and readUsage() follow the store, and forget a deleted volume", () =>
  withServer(async ({ store, deps, cast, send }) => {
    await okJson(cast([volume("v")]));
    const driver = findNode(deps).drivers.get("local")!;
    const { handle } = await driver.provision({
      volume: { namespace: "default", name: "v", uid: "x", sizeBytes: 1, accessMode: "ReadWriteOnce" },
      parameters: {},
      blank: false,
      signal: new AbortController().signal,
    });
    await store.transact((tx) => {
      const stored = tx.get("volume", "default", "v") as Volume;
      const last = { name: "v-auto-1", at: "2026-01-31T12:00:00.000Z" };
      const snapshots = { policy: { every: "1h", keep: 2 }, last };
      tx.update(stored, {
        status: { ...stored.status, state: "Available", driver: "local", handle, snapshots },
      });
    });
    await Deno.writeFile(`${handle}/data`, new Uint8Array(100_000).fill(1));
    const metrics = createMetrics({ version: "1.2.3" });
    // The volume above was provisioned with another uid, so its usage is measured by a driver that accepts
    // everything.
    const drivers = new Map([["local", { ...driver, usage: () => Promise.resolve({ usedBytes: 7 }) }]]);
    const usage = readUsage({ store, nodes: makeNodes({ drivers }), goodForMs: 0 });
    registerGauges(metrics.registry, {
      unhandledErrors: () => 0,
      store,
      dataDir: deps.info.dataDir,
      depths: () => ({ volume: 3 }),
      usage,
      backups: { lastSuccess: () => 1_769_860_800 },
    });
    const readMetrics = () => metrics.registry.metrics();
    assert.match(await readMetrics(), /rune_volumes\{namespace="default",state="Available"\} 1/);
    assert.match(await readMetrics(), /rune_reconcile_queue_depth\{controller="volume"\} 3/);
    assert.match(
      await readMetrics(),
      /rune_volume_last_snapshot_timestamp_seconds\{.*volume="v".*\} 1769860800\n/,
    );
    assert.match(await readMetrics(), /rune_backup_last_success_timestamp_seconds 1769860800/);
    assert.match(await readMetrics(), /rune_volume_size_bytes\{.*volume="v".*\} 1073741824/);
    while (!/rune_volume_used_bytes\{namespace="default",volume="v"\} 7/.test(await readMetrics())) {
      await Deno.stat("/");
    }
    await okJson(send("DELETE", "/v1/namespaces/default/volumes/v"));
    await store.transact((tx) => {
      const left = tx.get("volume", "default", "v");
      if (left) tx.remove(left);
    });
    while (/rune_volume_used_bytes\{/.test(await readMetrics())) await Deno.stat("/");
    assert.doesNotMatch(await readMetrics(), /rune_volumes\{/);
    await usage.stop();
  }));

Deno.test("/metrics counts requests by route, never by path", () =>
  withServer(async ({ send, deps }) => {
    const metrics = createMetrics({ version: "1.2.3", commit: "abc" });
    const { createApp } = await import("../api/app.ts");
    const app = createApp({ ...deps, metrics });
    await (await app.request("/v1/namespaces/default/volumes/secret-name")).text();
    await (await app.request("/nowhere/secret-name")).text();
    const answer = await app.request("/metrics");
    assert.match(answer.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    const line =
      'rune_http_requests_total{method="GET",route="/v1/namespaces/{namespace}/volumes/{name}",code="404"} 1';
    assert.ok(text.includes(line), text);
    assert.ok(text.includes('route="none",code="404"'));
    assert.ok(text.includes('rune_build_info{version="1.2.3",commit="abc"} 1'));
    assert.doesNotMatch(text, /secret-name/);
    const [, gone] = [await send("GET", "/healthz"), await send("GET", "/metrics")];
    assert.equal(gone.status, 404);
    await gone.body?.cancel();
  }));

Deno.test("readUsage() passes the driver the value of a secret, never its reference", () =>
  withServer(async ({ store, cast }) => {
    await okJson(cast([volume("v")]));
    await store.transact((tx) => {
      const stored = tx.get("volume", "default", "v") as Volume;
      const driverParameters = { token: "secret:cloud/token" };
      tx.update(stored, { status: { ...stored.status, driver: "noting", handle: "h", driverParameters } });
    });
    const measured = Promise.withResolvers<void>();
    const noting = noteCalls("noting", {
      usage() {
        measured.resolve();
        return { usedBytes: 7 };
      },
    });
    const drivers = nodeDrivers([noting.driver], fixedSecrets({ "default/cloud": { token: "value" } }));
    const usage = readUsage({ store, nodes: makeNodes({ drivers }) });
    usage.listKnown();
    await measured.promise;
    await usage.stop();
    assert.deepEqual(noting.calls, [{ call: "usage", parameters: { token: "value" } }]);
  }));
