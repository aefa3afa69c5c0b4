/**
 * Tests the metrics at `/metrics`: their values, and that page, endpoint and dashboard name the same ones.
 * @module
 */
import assert from "node:assert/strict";
import { ROOT } from "../scripts/tree.ts";
import { processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

const scrape = async (host: Host) => await (await fetch(`${host.daemon.url}/metrics`)).text();

/** Names of metrics in a text, without the suffixes of histograms. */
function metricNames(text: string): Set<string> {
  const names = text.match(/\b(rune|process)_[a-z_]+/g) ?? [];
  return new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, "")));
}

/** Labels of a metric's first series; undefined if it has none. */
function labelsOf(text: string, name: string): string[] | undefined {
  const series = new RegExp(`^${name}(?:_count)?(?:\\{(.*)\\})? [^ ]+$`, "m").exec(text);
  if (!series) return undefined;
  return [...(series[1] ?? "").matchAll(/(\w+)="/g)].map(([, label]) => label!).sort();
}

Deno.test({
  name: "/metrics shows what the daemon does; every name is documented, and the dashboard uses no other",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    await host.rune(
      "cast",
      await host.file(
        "p.yaml",
        "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n---\n" + processService("agent"),
      ),
    );
    const text = await until("the queues are empty and the volume is measured", async () => {
      const shown = await scrape(host);
      return /rune_volume_used_bytes\{namespace="default",volume="v"\} \d+/.test(shown) && shown;
    });
    for (
      const line of [
        /^rune_build_info\{version="\d/m,
        /^rune_http_requests_total\{method="POST",route="\/v1\/cast",code="200"\} 1$/m,
        /^rune_services\{namespace="default",state="Running"\} 1$/m,
        /^rune_instances\{namespace="default",state="Running"\} 1$/m,
        /^rune_instances_ready\{namespace="default",service="agent"\} 1$/m,
        /^rune_volumes\{namespace="default",state="Available"\} 1$/m,
        /^rune_driver_calls_total\{driver="local",call="provision",result="ok"\} 1$/m,
        /^rune_runner_calls_total\{runner="process",call="start",result="ok"\} 1$/m,
        /^rune_reconcile_passes_total\{controller="instance",outcome="done"\} [1-9]/m,
        /^rune_reconcile_queue_depth\{controller="service"\} \d+$/m,
        /^rune_store_commit_duration_seconds_count [1-9]/m,
        /^rune_data_dir_free_bytes [1-9]/m,
        /^process_resident_memory_bytes [1-9]/m,
      ]
    ) assert.match(text, line);
    for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)/gm)) {
      assert.equal(name!.endsWith("_total"), type === "counter", name);
    }
    const declared = [...text.matchAll(/^# HELP (\S+)/gm)].map(([, name]) => name!).sort();
    const page = await Deno.readTextFile(`${ROOT}/docs/operations.md`);
    const documented = [...page.matchAll(/^\| `((?:rune|process)_[a-z_]+)` /gm)].map(([, name]) => name!)
      .sort();
    assert.deepEqual(documented, declared);
    for (const [, name, labels] of page.matchAll(/^\| `((?:rune|process)_[a-z_]+)` +\| ([^|]*?) *\|/gm)) {
      const shown = labelsOf(text, name!);
      const named = [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label!).sort();
      if (shown) assert.deepEqual(named, shown, `labels of ${name}`);
    }
    const dashboard = JSON.parse(await Deno.readTextFile(`${ROOT}/docs/grafana-dashboard.json`));
    const used = metricNames(JSON.stringify(dashboard.panels));
    assert.ok(used.size > 10);
    for (const name of used) {
      assert.ok(declared.includes(name), `the dashboard shows ${name}, which does not exist`);
    }
  },
});

Deno.test({
  name: "/metrics counts the results of probes by service, and forgets a deleted service",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const probe = (script: string) =>
      `{ type: exec, command: [/bin/sh, -c, "${script}"], intervalSeconds: 1, failureThreshold: 100 }`;
    const text = [
      processService("good", `  health: { liveness: ${probe("exit 0")}, readiness: ${probe("exit 0")} }\n`),
      processService("bad", `  health: { liveness: ${probe("exit 1")} }\n`),
      processService("slow", `  health: { readiness: ${probe("sleep 60")} }\n`),
    ];
    await host.rune("cast", "--no-wait", await host.file("p.yaml", text.join("---\n")));
    const series = (service: string, probe: string, result: string) =>
      `rune_probe_results_total{namespace="default",service="${service}",probe="${probe}",result="${result}"}`;
    const expected = [
      series("good", "liveness", "success"),
      series("good", "readiness", "success"),
      series("bad", "liveness", "failure"),
      series("slow", "readiness", "timeout"),
    ];
    const counted = await until("each probe was counted", async () => {
      const shown = await scrape(host);
      return expected.every((name) => shown.includes(`\n${name} `)) && shown;
    });
    assert.equal(counted.match(/^rune_probe_results_total\{/gm)!.length, expected.length);
    const seconds = /^rune_probe_duration_seconds_sum\{probe="readiness"\} (.*)$/m.exec(counted)!;
    assert.ok(Number(seconds[1]) >= 1, "a probe that timed out took its second");

    await host.rune("delete", "service", "good", "bad", "slow", "--yes");
    await until("the services are gone", async () => (await host.get("services")).items.length === 0);
    assert.doesNotMatch(await scrape(host), /rune_probe_results_total\{/);
  },
});
