/**
 * The world of the access test: services that compete for volumes, and a daemon that is cast to, scaled,
 * restarted and killed at random. It prints the seed, and `RUNE_SEED` repeats it.
 * @module
 */
import { sleep } from "../base/delay.ts";
import assert from "node:assert/strict";
import { type Engine, openEngine } from "../scripts/engine.ts";
import type { Instance } from "../model/instance.ts";
import type { Lease } from "../model/lease.ts";
import { openStore } from "../store/store.ts";
import { findInterleaved, sharedWithWriter, watchAlarms } from "./access_judge.ts";
import { allowPath } from "./castfiles.ts";
import { type Host, type HostOptions, startHost, until } from "./host.ts";

const LOOK_MS = 100;
/** How much longer a run may take if too little happened. */
const EXTRA_MS = 60_000;

/** The competitors by name: the body of a service, and how many of it run. */
export type Competitors = Record<string, { most: number; body: Record<string, unknown> }>;

/** What a run tries. */
export interface Trial {
  /** The duration, in milliseconds. */
  runMs: number;
  /** The least number of runs that must have written; fewer would prove nothing. */
  leastRuns: number;
  /** Special options of the host. `shared` is a directory that a `local-host` volume may use. */
  host?: HostOptions;
  /** The owner of the host's directories; nobody else by default. */
  owner?: { uid: number; gid: number };
  /**
   * @param places `directory` is that of the volume `h`; in `reports` a reader that saw a writer creates a
   * file.
   */
  competitors(places: { directory: string; reports: string }): Competitors;
  /** The `local` volumes to compete for, by the names of their directories. */
  local: string[];
  /** Services that run together when nothing else does. */
  last: string[];
  /**
   * The one way by which the daemon must identify the runs' processes in the end, if only one is possible.
   */
  tracked?: string;
  /** Processes whose views belong to the daemon rather than to a run. */
  daemonViews?: number[];
  /** Whether containers compete. */
  containers: boolean;
}

/** Random numbers from 0 to below 1 (mulberry32). */
function randomness(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface World {
  host: Host;
  engine?: Engine;
  random: () => number;
  services: Competitors;
}

const pick = <T>(list: T[], random: () => number): T | undefined => list[Math.floor(random() * list.length)];

async function call(host: Host, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${host.daemon.url}${path}`, {
    method,
    headers: { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  // Refusals are allowed: competing for a volume is never refused, but a deletion in progress is.
  return await response.json();
}

const at = (name: string) => `/v1/namespaces/default/services/${name}`;

function castService({ host, services }: World, name: string, more: Record<string, unknown>) {
  const body = { name, scale: 0, stopTimeout: "2s", ...services[name]!.body, ...more };
  return call(host, "POST", "/v1/cast", { resources: [{ kind: "service", body }] });
}

async function listRunning(host: Host): Promise<Instance[]> {
  const { items } = await call(host, "GET", "/v1/instances") as { items: Instance[] };
  return items.filter((i) => i.status.state === "Running");
}

/** What may happen, with relative frequencies. */
const ACTIONS: [weight: number, (world: World) => Promise<unknown>][] = [
  [8, (world) => {
    const name = pick(Object.keys(world.services), world.random)!;
    const scale = Math.floor(world.random() * (world.services[name]!.most + 1));
    return call(world.host, "POST", `${at(name)}/actions/scale`, { scale });
  }],
  [2, (world) => {
    const name = pick(Object.keys(world.services), world.random)!;
    return call(world.host, "POST", `${at(name)}/actions/restart`);
  }],
  [2, (world) => {
    const name = pick(Object.keys(world.services), world.random)!;
    const { most } = world.services[name]!;
    return castService(world, name, { scale: most, env: { V: String(world.random()) } });
  }],
  [1, async (world) => {
    const name = pick(Object.keys(world.services), world.random)!;
    await call(world.host, "DELETE", at(name));
    return await castService(world, name, { scale: 1 });
  }],
  [3, async ({ host, engine, random }) => {
    const containers = (await listRunning(host)).filter((i) => i.spec.runner === "docker");
    const victim = pick(containers, random);
    await engine?.call(`POST /containers/${victim?.status.handle}/kill`).catch(() => {});
  }],
  [3, async ({ host, random }) => {
    const victim = pick((await listRunning(host)).filter((i) => i.spec.runner === "process"), random);
    try {
      if (victim?.status.pid !== undefined) Deno.kill(victim.status.pid, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }],
  [1, async ({ host, random }) => {
    const victim = pick((await listRunning(host)).filter((i) => i.spec.runner === "process"), random);
    const leader = Number(/^pid:(\d+)$/.exec(victim?.status.handle ?? "")?.[1]);
    try {
      if (leader > 1) Deno.kill(leader, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }],
  [2, async ({ host }) => {
    await host.daemon.stop("SIGKILL");
    await host.restart();
  }],
];

async function act(world: World): Promise<void> {
  let left = world.random() * ACTIONS.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, action] of ACTIONS) {
    left -= weight;
    if (left < 0) return void await action(world);
  }
}

/** The history of leases in the journal: who held which, and when. */
async function judgeLeases(dataDir: string): Promise<string[]> {
  const store = await openStore({ dataDir });
  const broken: string[] = [];
  const end = new AbortController();
  try {
    const last = store.revision;
    await store.transact((tx) =>
      tx.update(tx.get("namespace", "", "default")!, { labels: { judged: "yes" } })
    );
    const { oldestRevision: since } = store;
    for await (const { revision, resource } of store.watch({ since, signal: end.signal })) {
      if (revision > last) break;
      if (resource.kind !== "lease") continue;
      const { holders } = (resource as Lease).spec;
      if (holders.length > 1 && holders.some((h) => h.mode === "rw")) {
        broken.push(`lease ${resource.name} at ${revision}: ${JSON.stringify(holders)}`);
      }
    }
  } finally {
    end.abort();
    await store.close();
  }
  return broken;
}

/** What was written into each directory, and by how many runs. */
async function logsOf(roots: string[]): Promise<{ logs: string[]; runs: number }> {
  const logs = await Promise.all(roots.map((root) => Deno.readTextFile(`${root}/log`).catch(() => "")));
  return { logs, runs: new Set(logs.flatMap((log) => log.split("\n"))).size - 1 };
}

/** The ways by which the daemon identifies the existing processes of the runs, each once. */
async function trackers(dataDir: string): Promise<string[]> {
  const runs = await Array.fromAsync(Deno.readDir(`${dataDir}/processes`));
  const links = await Promise.all(
    runs.map(({ name }) => Deno.readLink(`${dataDir}/processes/${name}/tracked`).catch(() => "")),
  );
  return [...new Set(links.filter((link) => link !== "").map((link) => link.split(" ")[0]!))];
}

/** Tries to get a second writer into a volume, and fails if one is seen. */
export async function tryAccess(trial: Trial): Promise<void> {
  const seed = Number(Deno.env.get("RUNE_SEED") ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const shared = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-host-" }));
  const reports = `${shared}/reports`;
  const directory = `${shared}/h`;
  for (const path of [reports, directory]) await Deno.mkdir(path);
  await Promise.all(
    [shared, directory, reports].map((path) =>
      trial.owner && Deno.chown(path, trial.owner.uid, trial.owner.gid)
    ),
  );
  const engine = trial.containers ? openEngine() : undefined;
  const found = new Set<string>();
  let looking: ReturnType<typeof setInterval> | undefined;
  let alarms: ReturnType<typeof watchAlarms> | undefined;
  try {
    await using host = await startHost({ runefile: allowPath(shared), ...trial.host });
    const world: World = {
      host,
      engine,
      random: randomness(seed),
      services: trial.competitors({ directory, reports }),
    };
    const roots = [directory, ...trial.local.map((name) => `${host.dataDir}/volumes/default/${name}`)];
    const volume = (name: string, more: object) => ({
      kind: "volume",
      body: { name, size: "1Gi", accessMode: "ReadWriteOnce", ...more },
    });
    await call(host, "POST", "/v1/cast", {
      resources: [
        ...trial.containers ? [volume("v", {})] : [],
        volume("h", { storageClassName: "local-host", parameters: { hostPath: directory } }),
      ],
    });
    for (const name of Object.keys(world.services)) await castService(world, name, { scale: 1 });
    if (trial.containers) alarms = watchAlarms(host.daemonId);
    // On a filesystem of its own, a path is shorter: from the test's directory on, it is unique.
    const ends = roots.map((root) => root.slice(root.indexOf("rune-test-")));
    looking = setInterval(
      () => sharedWithWriter(ends, trial.daemonViews).forEach((text) => found.add(text)),
      LOOK_MS,
    );

    const deadline = Date.now() + trial.runMs;
    let actions = 0;
    // On a busy machine little happens in that time.
    const enough = async () =>
      Date.now() > deadline + EXTRA_MS || (await logsOf(roots)).runs >= trial.leastRuns;
    for (; found.size === 0 && (Date.now() < deadline || !await enough()); actions++) {
      await act(world);
      await sleep(world.random() * 400);
    }

    // Nothing stays held for ever: one competitor is started alone, and it must run.
    for (const name of Object.keys(world.services)) await castService(world, name, { scale: 0 });
    await until("everything has stopped", async () => {
      const { items } = await call(host, "GET", "/v1/instances") as { items: Instance[] };
      return items.length === 0;
    });
    for (const name of trial.last) await castService(world, name, { scale: 1 });
    await until("one of each runs", async () => (await listRunning(host)).length === trial.last.length);

    if (trial.tracked) assert.deepEqual(await trackers(host.dataDir), [trial.tracked]);
    const { logs, runs } = await logsOf(roots);
    for (const [i, log] of logs.entries()) {
      findInterleaved(log).forEach((text) => found.add(`${roots[i]}: ${text}`));
    }
    alarms?.alarms.forEach((text) => found.add(text));
    for await (const { name } of Deno.readDir(reports)) {
      found.add(`process ${name} saw its volume being written`);
    }
    await host.daemon.stop("SIGKILL");
    (await judgeLeases(host.dataDir)).forEach((text) => found.add(text));
    assert.deepEqual([...found], [], `seed ${seed}, after ${actions} actions`);
    assert.ok(runs >= trial.leastRuns, `only ${runs} runs wrote: nothing was tried`);
    console.log(`${actions} actions, ${runs} runs that wrote`);
  } finally {
    clearInterval(looking);
    await alarms?.stop();
    engine?.close();
    await Deno.remove(shared, { recursive: true });
  }
}
