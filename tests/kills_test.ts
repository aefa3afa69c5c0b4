/**
 * SIGKILL of the daemon at random moments while services, volumes and backups come and go. After each: everything that was
 * acknowledged is there; at the end: what runs is what is stored, there was never a second writer, and nothing is left over.
 *
 * `RUNE_KILLS` says how often (default 20), `RUNE_SEED` repeats a run whose seed was printed. @module
 */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { openEngine } from "../scripts/engine.ts";

import { SLEEP } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const KILLS = Number(Deno.env.get("RUNE_KILLS") ?? 20);
const SEED = Number(Deno.env.get("RUNE_SEED") ?? Math.floor(Math.random() * 1e9));
/** The daemon dies at most this long after a request was sent. */
const WINDOW_MS = 250;

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6D2B79F5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}

/** Says so in a file when somebody else holds the volume. */
const WRITER = `exec 9>/data/lock; flock -n 9 || echo "$$ met another writer" >> /data/violations; ${SLEEP}`;

type Body = Record<string, unknown>;

/** One request and what it makes true; `undefined` means that the thing is gone or going. */
interface Operation {
  what: string;
  method: string;
  path: string;
  body?: unknown;
  changes: Record<string, string | undefined>;
}

class Model {
  /**
   * Resource → the versions of it that may be stored: the one that was acknowledged, and those sent to a daemon that died
   * before it could say so. `undefined` stands for a deletion.
   */
  readonly possible = new Map<string, Set<string | undefined>>();

  /** @returns what takes in the answer: undefined when there was none. */
  sent({ changes }: Operation): (ok: boolean | undefined) => void {
    const before = new Map(this.possible);
    for (const [key, version] of Object.entries(changes)) {
      const known = this.possible.get(key) ?? new Set([undefined]);
      this.possible.set(key, new Set([...known, version]));
    }
    return (ok) => {
      if (ok === undefined) return;
      for (const [key, version] of Object.entries(changes)) {
        this.possible.set(key, ok ? new Set([version]) : before.get(key) ?? new Set([undefined]));
      }
    };
  }

  /** What is now is known again after a restart. */
  settle(seen: Map<string, string>): void {
    for (const [key, versions] of this.possible) {
      const now = seen.get(key);
      assert.ok(
        versions.has(now) || (versions.has(undefined) && now !== undefined),
        `${key} is ${now}, expected one of ${[...versions].map(String).join(", ")}`,
      );
      // A deletion that was accepted goes on; one that was not leaves what was there.
      this.possible.set(key, versions.has(undefined) ? new Set([now, undefined]) : new Set([now]));
    }
  }
}

/** The version that each service and configmap carries. */
async function observe(host: Host): Promise<Map<string, string>> {
  const seen = new Map<string, string>();
  for (const kind of ["services", "configmaps", "volumes"]) {
    const { items } = await (await fetch(`${host.daemon.url}/v1/${kind}`)).json();
    for (const { name, labels } of items) seen.set(`${kind}/${name}`, labels.version ?? "made");
  }
  return seen;
}

function operationOf(marker: string, random: () => number, n: number): Operation {
  const version = `v${n}`;
  const labels = { version };
  const env = { RUNE_TEST_MARKER: marker, VERSION: version };
  const mount = (more: Body) => [{ name: "d", mountPath: "/data", ...more }];
  const put = (kind: string, name: string, body: Body): Operation => ({
    what: `cast ${kind}/${name} ${version}`,
    method: "PUT",
    path: `/v1/namespaces/default/${kind}/${name}`,
    body: { labels, ...body },
    changes: { [`${kind}/${name}`]: version },
  });
  const remove = (kind: string, name: string): Operation => ({
    what: `delete ${kind}/${name}`,
    method: "DELETE",
    path: `/v1/namespaces/default/${kind}/${name}`,
    changes: { [`${kind}/${name}`]: undefined },
  });
  const scale = Math.floor(random() * 3);
  const choices: (() => Operation)[] = [
    () =>
      put("services", "writer", {
        env,
        process: { command: "/bin/sh", args: ["-c", WRITER] },
        volumes: mount({ claim: { name: "shared" } }),
        stopTimeout: "2s",
      }),
    () => put("services", "many", { env, scale, process: { command: "/bin/sh", args: ["-c", SLEEP] } }),
    () =>
      put("services", "web", {
        env,
        scale,
        image: TEST_IMAGE,
        command: ["/bin/sh", "-c", SLEEP],
        volumes: mount({ claimTemplate: { size: "1Gi", accessMode: "ReadWriteOnce" } }),
      }),
    () =>
      put("configmaps", `c${Math.floor(random() * 3)}`, {
        data: { text: "x".repeat(Math.floor(random() * 200_000)) },
      }),
    () =>
      put("volumes", "spare", { size: `${1 + n}Gi`, accessMode: "ReadWriteOnce", reclaimPolicy: "delete" }),
    () => remove("services", ["many", "web", "writer"][Math.floor(random() * 3)]!),
    () => remove("volumes", "spare"),
    () => ({ what: "backup", method: "POST", path: "/v1/admin/backup", body: {}, changes: {} }),
  ];
  return choices[Math.floor(random() * choices.length)]!();
}

/** Sends a request and reads its answer to the end. @returns undefined when the daemon died first. */
async function send(
  host: Host,
  { method, path, body }: Operation,
): Promise<{ ok: boolean; text: string } | undefined> {
  try {
    const answer = await fetch(host.daemon.url + path, {
      method,
      ...(body !== undefined &&
        { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    return { ok: answer.ok, text: await answer.text() };
  } catch {
    return undefined;
  }
}

/** Processes that services of this test started. */
async function processes(marker: string): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const environment = await Deno.readTextFile(`/proc/${name}/environ`).catch(() => "");
    if (environment.includes(`RUNE_TEST_MARKER=${marker}\0`)) found.push(Number(name));
  }
  return found;
}

async function containers(host: Host, all: boolean): Promise<string[]> {
  const engine = openEngine();
  const filters = encodeURIComponent(JSON.stringify({ label: [`rune.io/daemon=${host.daemonId}`] }));
  const list = await engine.call(`GET /containers/json?all=${all}&filters=${filters}`) as { Id: string }[];
  engine.close();
  return list.map(({ Id }) => Id).sort();
}

interface Seen {
  spec: { runner: string };
  status: { state: string; handle: string; pid?: number };
}

/** Waits until every service is as it was cast, and compares what runs with what is stored. */
async function assertConverged(host: Host, marker: string): Promise<void> {
  await until("all services have what they were cast with", async () => {
    const { items } = await host.get("services");
    const { items: instances } = await host.get("instances");
    return items.every((
      s: {
        deletionRequestedAt?: string;
        spec: { scale: number };
        status: Record<string, unknown>;
        generation: number;
      },
    ) =>
      s.deletionRequestedAt === undefined && s.status.observedGeneration === s.generation &&
      s.status.updated === s.spec.scale && s.status.ready === s.spec.scale &&
      s.status.instances === s.spec.scale
    ) && instances.every(({ status }: Seen) => status.state === "Running");
  });
  const { items } = await host.get("instances") as { items: Seen[] };
  const docker = items.filter(({ spec }) => spec.runner === "docker");
  assert.deepEqual(await containers(host, false), docker.map(({ status }) => status.handle).sort());
  const pids = items.filter(({ spec }) => spec.runner === "process").map(({ status }) => status.pid!);
  const running = await processes(marker);
  for (const pid of pids) assert.ok(running.includes(pid), `the process ${pid} runs`);
}

Deno.test({
  name:
    `the daemon killed ${KILLS} times at random loses nothing acknowledged, runs nothing twice, leaves nothing (seed ${SEED})`,
  ignore: noDocker || noRoot,
  async fn() {
    console.log(`RUNE_SEED=${SEED} RUNE_KILLS=${KILLS} repeats this run`);
    await ensureTestImage();
    const random = randomFrom(SEED);
    const shared = await Deno.makeTempDir({ prefix: "rune-test-shared-" });
    const marker = crypto.randomUUID();
    try {
      await using host = await startHost({ runefile: `storage: { hostPathAllowlist: ["${shared}"] }\n` });
      const volume = `volume:
  name: shared
  storageClassName: local-host
  size: 0
  accessMode: ReadWriteOnce
  parameters: { hostPath: ${shared} }
`;
      await host.rune("cast", await host.file("shared.yaml", volume));
      const model = new Model();
      const done: string[] = [];
      let n = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        let dead = false;
        const pause = Math.floor(random() * WINDOW_MS);
        const killed = new Promise((resolve) => setTimeout(resolve, pause))
          .then(() => host.daemon.stop("SIGKILL")).then(() => dead = true);
        while (!dead) {
          const operation = operationOf(marker, random, ++n);
          const answered = model.sent(operation);
          const answer = await send(host, operation);
          done.push(`${operation.what}: ${answer ? answer.ok : "killed"}`);
          if (
            answer && !answer.ok &&
            !/"code":"(not_found|conflict|failed_precondition|already_exists|invalid_argument)"/.test(
              answer.text,
            )
          ) {
            // What is being deleted may refuse a cast; only a daemon that fails may not.
            assert.fail(`${operation.what}: ${answer.text}`);
          }
          answered(answer?.ok);
          if (answer && dead) break;
        }
        await killed;
        await host.restart();
        try {
          model.settle(await observe(host));
        } catch (error) {
          console.log(done.slice(-12).join("\n"));
          throw error;
        }
      }
      await assertConverged(host, marker);
      const services = (await host.get("services")).items.map(({ name }: { name: string }) => name);
      if (services.length > 0) await host.rune("delete", "service", ...services, "--yes", "--cascade");
      await until("all services are gone", async () => (await host.get("services")).items.length === 0);
      await until("all their processes are gone", async () => (await processes(marker)).length === 0);
      await until("all their containers are gone", async () => (await containers(host, true)).length === 0);
      assert.equal(await Deno.readTextFile(`${shared}/violations`).catch(() => ""), "");
      const left = (await Array.fromAsync(Deno.readDir(host.dataDir))).map(({ name }) => name);
      assert.deepEqual(left.filter((name) => /backup|restoring|notify/.test(name)), []);
      const mounts = await Deno.readTextFile("/proc/self/mounts");
      assert.ok(!mounts.includes(shared) && !mounts.includes(host.home));
    } finally {
      await Deno.remove(shared, { recursive: true });
    }
  },
});
