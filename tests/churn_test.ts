/**
 * Creates, changes and deletes services for `RUNE_CHURN_MINUTES` (default 0.75). They must leave nothing
 * behind, and the daemon's memory must not grow once it is warm.
 * @module
 */
import assert from "node:assert/strict";
import { processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

const MINUTES = Number(Deno.env.get("RUNE_CHURN_MINUTES") ?? 0.75);
/** Services per round. */
const SERVICES = 8;
/** The number of time slices. The first is for warming up; the others are compared. */
const PARTS = 4;
/**
 * How much the smallest heap of the last slice may exceed that of the first warm one: noise of the garbage
 * collector.
 */
const NOISE_BYTES = 6 * 1024 * 1024;

interface Sample {
  heap: number;
  resident: number;
  files: number;
  series: number;
}

const MARK = "RUNE_ROUND";

/** One round: a volume, a configmap, a secret, and services that use them and have a probe. */
function castfile(round: number, turn: number): string {
  const data = `configmap: { name: c-${round}, data: { text: "${"x".repeat(5_000)}" } }
---
secret: { name: s-${round}, data: { key: v-${turn} } }
---
volume: { name: v-${round}, size: ${turn}Gi, accessMode: ReadWriteOnce, reclaimPolicy: delete }
`;
  const services = Array.from({ length: SERVICES }, (_, n) =>
    processService(
      `churn-${round}-${n}`,
      `  env: { ${MARK}: "${turn}" }
  envFrom: [{ secretName: s-${round} }]
  stopTimeout: 2s
  health: { readiness: { type: exec, command: ["true"], intervalSeconds: 1 } }
`,
    ));
  return [data, ...services].join("---\n");
}

async function resources(host: Host): Promise<Record<string, number>> {
  const text = await (await fetch(`${host.daemon.url}/metrics`)).text();
  return Object.fromEntries(
    [...text.matchAll(/^rune_resources\{kind="(\w+)"\} (\d+)$/gm)].map(([, kind, n]) => [kind!, Number(n)])
      .filter(([kind]) => kind !== "event"),
  );
}

async function sample(host: Host): Promise<Sample> {
  const text = await (await fetch(`${host.daemon.url}/metrics`)).text();
  const figure = (name: string) => Number(new RegExp(`^${name} (.*)$`, "m").exec(text)![1]);
  return {
    heap: figure("rune_heap_used_bytes"),
    resident: figure("process_resident_memory_bytes"),
    files: figure("process_open_fds"),
    series: text.split("\n").length,
  };
}

async function round(host: Host, n: number): Promise<void> {
  for (const turn of [1, 2]) {
    await host.rune("cast", await host.file("churn.yaml", castfile(n, turn)), "--timeout", "2m");
  }
  const watch = new AbortController();
  const answer = await fetch(`${host.daemon.url}/v1/instances?watch=true`, { signal: watch.signal });
  await answer.body!.getReader().read();
  watch.abort();
  await host.rune("logs", `churn-${n}-0`);
  const names = Array.from({ length: SERVICES }, (_, i) => `churn-${n}-${i}`);
  await host.rune("delete", "service", ...names, "--yes");
  for (const [kind, name] of [["configmap", "c"], ["secret", "s"], ["volume", "v"]] as const) {
    await host.rune("delete", kind, `${name}-${n}`, "--yes");
  }
}

const findLeast = (samples: Sample[], of: keyof Sample) => Math.min(...samples.map((s) => s[of]));
const leastOf = (samples: Sample[]) => ({
  heap: findLeast(samples, "heap"),
  resident: findLeast(samples, "resident"),
});

/** Directories of runs: records of processes, and files created for runs. */
async function runDirectories({ dataDir }: Host): Promise<string[]> {
  const inside = async (path: string) => {
    try {
      return (await Array.fromAsync(Deno.readDir(path))).filter((e) => e.isDirectory).map((e) => e.name);
    } catch {
      return [];
    }
  };
  return (await Promise.all([inside(`${dataDir}/processes`), inside(`${dataDir}/runs`)])).flat();
}

Deno.test({
  name: `memory is flat and nothing is left after ${MINUTES} min of services that come, change and go`,
  ignore: noRoot,
  async fn() {
    await using host = await startHost({ runefile: "storage: { trashRetention: 0s }\n" });
    await host.rune("cast", await host.file("stays.yaml", processService("stays")));
    const before = await resources(host);
    const onDisk = await runDirectories(host);
    const parts: Sample[][] = [];
    const began = Date.now();
    const partMs = MINUTES * 60_000 / PARTS;
    // On a busy machine a round may last longer than a slice.
    for (let n = 0; parts.length < PARTS || Date.now() - began < MINUTES * 60_000; n++) {
      await round(host, n);
      const part = Math.min(PARTS - 1, parts.length, Math.floor((Date.now() - began) / partMs));
      (parts[part] ??= []).push(await sample(host));
    }
    await until("all are gone", async () => (await host.get("instances")).items.length === 1);
    await until(
      "nothing of theirs is on disk",
      async () => (await runDirectories(host)).length <= onDisk.length,
    );
    assert.deepEqual(await resources(host), before);
    const [warm, last] = [parts[1]!, parts[PARTS - 1]!];
    const growthOf = (figure: keyof Sample) => findLeast(last, figure) - findLeast(warm, figure);
    const story = JSON.stringify(parts.map((part) => ({ rounds: part.length, ...leastOf(part) })));
    assert.ok(growthOf("heap") < NOISE_BYTES, `the heap grew: ${story}`);
    assert.ok(growthOf("resident") < 2 * NOISE_BYTES, `the daemon's memory grew: ${story}`);
    assert.ok(growthOf("files") <= 1, `open files grew: ${story}`);
    // A rare error adds metric series once; leaks of services would add up.
    const series = parts.map((part) => findLeast(part, "series"));
    assert.ok(growthOf("series") < SERVICES * last.length, `series of metrics grew: ${series}`);
  },
});
