import assert from "node:assert/strict";
import type { Driver, VolumeContext } from "../drivers/driver.ts";
import { LocalDriver } from "../drivers/local/local_driver.ts";
import { type FinishedCall, observeDriver } from "./observe_calls.ts";
import { readUsage } from "../server/metrics/usage.ts";
import { okJson, volume, withServer } from "../server/api/server_fixture.ts";
import { createMetrics } from "../server/metrics/metrics.ts";
import { registerGauges } from "../server/metrics/gauges.ts";
import type { Volume } from "../model/volume.ts";

async function withDriver(test: (driver: Driver, calls: FinishedCall[]) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "rune-observe-" });
  const calls: FinishedCall[] = [];
  try {
    await test(observeDriver(new LocalDriver({ root }), (call) => calls.push(call)), calls);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const context = (name: string): VolumeContext => ({
  volume: { namespace: "default", name, uid: `u-${name}`, sizeBytes: 1, accessMode: "ReadWriteOnce" },
  parameters: {},
  node: "n1",
  signal: new AbortController().signal,
});

Deno.test("observeDriver() reports each call once, with ok or the code of its error, and changes nothing else", () =>
  withDriver(async (driver, calls) => {
    const { handle } = await driver.provision(context("a"));
    assert.match(handle, /default\/a$/);
    await assert.rejects(driver.mount(context("none")), { code: "unavailable" });
    driver.validate({ ...context("a").volume, parameters: {} });
    assert.equal(driver.capabilities.snapshots, true);
    assert.deepEqual(calls.map(({ of, call, result }) => `${of} ${call} ${result}`), [
      "local provision ok",
      "local mount unavailable",
    ]);
    assert.ok(calls.every(({ seconds }) => seconds >= 0 && seconds < 60));
  }));

Deno.test("gauges and readUsage() follow the store, and forget a volume that is gone", () =>
  withServer(async ({ store, deps, cast, send }) => {
    await okJson(cast([volume("v")]));
    const driver = deps.drivers.get("local")!;
    const { handle } = await driver.provision({
      ...context("v"),
      volume: { ...context("v").volume, uid: "x" },
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
    // The volume above was provisioned under another uid, so that its usage is measured by a driver that objects to nothing.
    const drivers = new Map([[
      "local",
      { ...driver, usage: () => Promise.resolve({ usedBytes: 7 }) } as Driver,
    ]]);
    const usage = readUsage({ store, drivers, node: "n1", goodForMs: 0 });
    registerGauges(metrics.registry, {
      unhandledErrors: () => 0,
      store,
      dataDir: deps.info.dataDir,
      depths: () => ({ volume: 3 }),
      usage,
      backups: { lastSuccess: () => 1_769_860_800 },
    });
    const shown = () => metrics.registry.metrics();
    assert.match(await shown(), /rune_volumes\{namespace="default",state="Available"\} 1/);
    assert.match(await shown(), /rune_reconcile_queue_depth\{controller="volume"\} 3/);
    assert.match(await shown(), /rune_volume_last_snapshot_timestamp_seconds\{.*volume="v".*\} 1769860800\n/);
    assert.match(await shown(), /rune_backup_last_success_timestamp_seconds 1769860800/);
    assert.match(await shown(), /rune_volume_size_bytes\{.*volume="v".*\} 1073741824/);
    while (!/rune_volume_used_bytes\{namespace="default",volume="v"\} 7/.test(await shown())) {
      await Deno.stat("/");
    }
    await okJson(send("DELETE", "/v1/namespaces/default/volumes/v"));
    await store.transact((tx) => {
      const left = tx.get("volume", "default", "v");
      if (left) tx.remove(left);
    });
    while (/rune_volume_used_bytes\{/.test(await shown())) await Deno.stat("/");
    assert.doesNotMatch(await shown(), /rune_volumes\{/);
    await usage.stop();
  }));

Deno.test("/metrics counts requests by route, never by path", () =>
  withServer(async ({ send, deps }) => {
    const metrics = createMetrics({ version: "1.2.3", commit: "abc" });
    const { createApp } = await import("../server/api/app.ts");
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
