/** Tests 5,000 stored services: costs grow linearly, and the daemon never stalls. @module */
import assert from "node:assert/strict";
import { readCpuMs } from "../base/testing/cpu_time.ts";
import { eventData } from "../scripts/bench/lab.ts";
import { median } from "../scripts/bench/measurement.ts";
import type { Service } from "../model/service.ts";
import { type Host, startHost, until } from "./host.ts";
import { feelPulse, type Lap } from "./pulse.ts";
import { noRoot } from "./skips.ts";

const SETS = 5;
const SET = 1000;
const PAGE = 500;
const CHANGES = 200;
/**
 * A daemon that computes, before it answers anyone, this many times as long as it takes to write and read all
 * services as JSON has stalled. A fixed time would measure the machine, whose CPU is slower when others use
 * it.
 */
const STALLED = 10;

/** A service without instances; one in five would be exposed. */
const makeStored = (n: number, turn?: number) => ({
  kind: "service",
  body: {
    name: `stored-${n}`,
    image: "none:1",
    scale: 0,
    labels: turn === undefined ? {} : { turn: `${turn}` },
    ...(n % 5 === 0 && { ports: [{ name: "web", port: 80 }], expose: { port: "web" } }),
  },
});

async function cast(host: Host, resources: ReturnType<typeof makeStored>[]): Promise<void> {
  const answer = await fetch(`${host.daemon.url}/v1/cast`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ resources }),
  });
  assert.equal(answer.status, 200, (await answer.text()).slice(0, 500));
}

async function list(host: Host, query = ""): Promise<{ items: Service[]; continue?: string }> {
  return await (await fetch(`${host.daemon.url}/v1/services${query}`)).json();
}

/** A value from `/metrics`. */
async function figure(host: Host, name: string): Promise<number> {
  const text = await (await fetch(`${host.daemon.url}/metrics`)).text();
  const line = text.split("\n").find((line) => line.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

/** CPU seconds of the daemon for some work and everything that follows from it. */
async function cpuOf(host: Host, work: () => Promise<unknown>): Promise<number> {
  const before = await figure(host, "process_cpu_seconds_total");
  await work();
  await until(
    "every service was looked at",
    async () => await figure(host, 'rune_reconcile_queue_depth{controller="service"}') === 0,
  );
  return await figure(host, "process_cpu_seconds_total") - before;
}

async function medianMs(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 9; round++) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return median(times);
}

/** CPU time for which the calling thread writes and reads all services as JSON. */
async function listingMs(host: Host): Promise<number> {
  const all = await list(host);
  const times = Array.from({ length: 9 }, () => {
    const before = readCpuMs();
    JSON.parse(JSON.stringify(all));
    return readCpuMs() - before;
  });
  return median(times);
}

/** Watches everything, reads nothing while services change, and then must find each change, in order. */
async function watchSlowly(host: Host): Promise<void> {
  const left = new AbortController();
  const answer = await fetch(`${host.daemon.url}/v1/services?watch=true`, { signal: left.signal });
  const events = eventData(answer.body!) as AsyncGenerator<
    { type: string; revision: number; resource: Service }
  >;
  assert.equal((await events.next()).value.type, "put");
  for (let turn = 0; turn < CHANGES; turn++) await cast(host, [makeStored(turn * 7, turn)]);
  let present = 1;
  let revision = 0;
  const turns: string[] = [];
  for await (const event of events) {
    assert.equal(event.type === "delete", false);
    if (event.type === "sync") revision = event.revision;
    else if (revision === 0) present++;
    else {
      assert.ok(event.revision >= revision, "in order");
      revision = event.revision;
      const { turn } = event.resource.labels;
      if (turn !== undefined && turns.at(-1) !== turn) turns.push(turn);
    }
    if (turns.length === CHANGES) break;
  }
  left.abort();
  assert.equal(present, SETS * SET);
  assert.deepEqual(turns, Array.from({ length: CHANGES }, (_, turn) => `${turn}`));
}

Deno.test({
  name:
    "5,000 stored services are cast, listed and watched at a cost that follows their number, without a stall",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    using pulse = feelPulse(host.daemon);
    await until("the daemon's pulse is known", async () => (await pulse.lap()).answers > 0);
    const costs: number[] = [];
    let first = { wholeMs: 0, pageMs: 0 };
    const measure = async () => ({
      wholeMs: await medianMs(() => list(host)),
      pageMs: await medianMs(() => list(host, `?limit=${PAGE}`)),
    });
    for (let set = 0; set < SETS; set++) {
      const services = Array.from({ length: SET }, (_, n) => makeStored(set * SET + n));
      costs.push(await cpuOf(host, () => cast(host, services)));
      if (set === 0) first = await measure();
    }
    assert.ok(costs.at(-1)! < 2 * costs[0]!, `CPU seconds of each 1,000: ${costs}`);

    const passes = () => figure(host, 'rune_reconcile_passes_total{controller="service",outcome="done"}');
    const before = await passes();
    const laps: Lap[] = [];
    let unitMs = await listingMs(host);
    await pulse.lap();
    const all = await measure();
    assert.ok(
      all.wholeMs < 3 * SETS * first.wholeMs,
      `${all.wholeMs} ms for all, ${first.wholeMs} for 1,000`,
    );
    assert.ok(all.pageMs < 3 * SETS * first.pageMs, `a page ${all.pageMs} ms, of 1,000 ${first.pageMs}`);
    const names = new Set<string>();
    for (let next: string | undefined = ""; next !== undefined;) {
      const page = await list(host, `?limit=${PAGE}${next && `&continue=${encodeURIComponent(next)}`}`);
      for (const { name } of page.items) names.add(name);
      next = page.continue;
    }
    assert.equal(names.size, SETS * SET);
    await watchSlowly(host);
    await until("all services were looked at again, as every 30 s", async () => {
      laps.push(await pulse.lap());
      return await passes() >= before + SETS * SET + 2 * CHANGES;
    });
    const longestMs = Math.max(...laps.map((lap) => lap.longestMs));
    unitMs = Math.max(unitMs, await listingMs(host));
    assert.ok(
      longestMs < STALLED * unitMs,
      `the daemon computed for ${longestMs} ms before it answered; all services as JSON take ${unitMs} ms`,
    );
  },
});
