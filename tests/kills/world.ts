/**
 * The host of the fault tests: what it has cast, what it is asked to do, and what must hold after every kill.
 * @module
 */
import assert from "node:assert/strict";
import { openEngine } from "../../scripts/engine.ts";
import { capture } from "../../scripts/command.ts";
import { openStore } from "../../store/store.ts";
import { type Host, until } from "../host.ts";
import { assertNothingLeaked } from "../leaks.ts";
import { flawOf, plantBulk } from "./castings.ts";
import type { Operation } from "./model.ts";

/** Stored resources, by kind. */
export interface Look {
  services: Seen[];
  instances: Seen[];
  volumes: Seen[];
  snapshots: Seen[];
}

/** The parts of a resource that the tests look at. */
export interface Seen {
  name: string;
  uid: string;
  generation: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  deletionRequestedAt?: string;
  // deno-lint-ignore no-explicit-any
  spec: any;
  // deno-lint-ignore no-explicit-any
  status: any;
}

const KINDS = ["services", "instances", "volumes", "snapshots"] as const;

/** The resources that the daemon lists. */
export async function look(host: Host): Promise<Look> {
  const lists = await Promise.all(KINDS.map(async (kind) => [kind, await list(host, kind)] as const));
  return Object.fromEntries(lists) as unknown as Look;
}

async function list(host: Host, kind: string): Promise<Seen[]> {
  return (await (await fetch(`${host.daemon.url}/v1/${kind}`)).json()).items;
}

/** What was stored when the daemon died, read from a copy before the next daemon changes it. */
export async function lookAtDeath({ dataDir }: Host): Promise<Look> {
  const copy = await Deno.makeTempDir({ prefix: "rune-test-state-" });
  try {
    for await (const { name } of Deno.readDir(dataDir)) {
      if (name.startsWith("state.")) await Deno.copyFile(`${dataDir}/${name}`, `${copy}/${name}`);
    }
    const store = await openStore({ dataDir: copy });
    try {
      return {
        services: store.list("service") as Seen[],
        instances: store.list("instance") as Seen[],
        volumes: store.list("volume") as Seen[],
        snapshots: store.list("snapshot") as Seen[],
      };
    } finally {
      await store.close();
    }
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

/** The version of each resource that the model knows. */
export async function versions(host: Host): Promise<Map<string, string>> {
  const seen = new Map<string, string>();
  for (const kind of ["services", "configmaps", "volumes", "snapshots"]) {
    for (const { name, labels } of await list(host, kind)) {
      seen.set(`${kind}/${name}`, labels.version ?? "made");
    }
  }
  return seen;
}

/** Sends a request and reads the whole answer. @returns undefined if the daemon died first. */
export async function send(
  host: Host,
  { method, path, body }: Omit<Operation, "what" | "changes">,
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

/**
 * Casts the volumes that services claim: `shared` on a directory of the host, `data` with the constant files.
 */
export async function castVolumes(host: Host, shared: string): Promise<void> {
  await host.rune(
    "cast",
    await host.file(
      "volumes.yaml",
      `volume:
  name: shared
  storageClassName: local-host
  size: 0
  accessMode: ReadWriteOnce
  parameters: { hostPath: ${shared} }
---
volume: { name: data, size: 1Gi, accessMode: ReadWriteOnce }
`,
    ),
  );
  const data = `${host.dataDir}/volumes/default/data`;
  plantBulk(data);
  for (const name of ["a", "b"]) await Deno.writeTextFile(`${data}/${name}`, "0\n");
}

/** Whether everything is as it was cast and nothing is in progress. */
export function isSettled({ services, instances, volumes, snapshots }: Look): boolean {
  return services.every(({ deletionRequestedAt, spec: { scale }, status, generation }) =>
    deletionRequestedAt === undefined && status.observedGeneration === generation &&
    status.updated === scale && status.ready === scale && status.instances === scale
  ) && instances.every(({ status }) => status.state === "Running") &&
    volumes.every(({ deletionRequestedAt, status, spec }) =>
      deletionRequestedAt === undefined &&
      // A deleted snapshot cannot be restored any more.
      (["Available", "Bound", "Released"].includes(status.state) || spec.source !== undefined)
    ) &&
    snapshots.every(({ deletionRequestedAt, status }) =>
      deletionRequestedAt === undefined && ["Ready", "Failed"].includes(status.state)
    );
}

/** Waits until everything is settled, and compares the runs with what is stored. */
export async function assertConverged(host: Host, marker: string): Promise<void> {
  let last: Look | undefined;
  await until("everything is as it was cast", async () => isSettled(last = await look(host))).catch(
    (error) => {
      throw new Error(`${error.message}: ${JSON.stringify(last, null, 1)}`);
    },
  );
  const { instances } = last!;
  const docker = instances.filter(({ spec }) => spec.runner === "docker");
  assert.deepEqual(await containers(host, false), docker.map(({ status }) => status.handle).sort());
  const pids = instances.filter(({ spec }) => spec.runner === "process").map(({ status }) => status.pid!);
  const running = await processes(marker);
  for (const pid of pids) assert.ok(running.includes(pid), `the process ${pid} runs`);
}

/** Processes of services with this marker. */
export async function processes(marker: string): Promise<number[]> {
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
  const found = await engine.call(`GET /containers/json?all=${all}&filters=${filters}`) as { Id: string }[];
  engine.close();
  return found.map(({ Id }) => Id).sort();
}

/**
 * The acknowledged copies: a snapshot keeps its content until it is deleted, and restored volumes equal it.
 */
export class Copies {
  /** By the snapshot's name, which is never reused. */
  readonly #digests = new Map<string, string>();

  /** @throws {AssertionError} naming a copy that is incomplete or has changed. */
  async check({ snapshots, volumes }: Look): Promise<void> {
    const isKept = (s: Seen) => s.deletionRequestedAt === undefined;
    for (const { name, status } of snapshots.filter((s) => isKept(s) && s.status.state === "Ready")) {
      await this.#compare(`snapshot ${name}`, { directory: status.handle, of: name });
    }
    for (const { name, spec, status } of volumes.filter((v) => isKept(v) && v.status.state === "Available")) {
      if (!spec.source) continue;
      await this.#compare(`volume ${name}`, { directory: status.handle, of: spec.source.snapshot });
    }
  }

  async #compare(what: string, { directory, of }: { directory: string; of: string }): Promise<void> {
    assert.equal(flawOf(directory), undefined, what);
    const digest = await digestOf(directory);
    const known = this.#digests.get(of) ?? digest;
    assert.equal(digest, known, `${what} is what snapshot ${of} was`);
    this.#digests.set(of, digest);
  }
}

/** A digest of all files below a directory, with their names. */
export async function digestOf(directory: string): Promise<string> {
  const script = "find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum";
  return (await capture(["sh", "-c", script], { cwd: directory })).stdout;
}

/** Deletes everything; then nothing may run, and nothing may be left over. */
export async function assertAllCanGo(host: Host, { marker, shared }: { marker: string; shared: string }) {
  await assertOneWriter(host, shared);
  const { services, snapshots, volumes } = await look(host);
  const remove = async (kind: string, names: string[], query = "") => {
    for (const name of names) {
      const answer = await send(host, {
        method: "DELETE",
        path: `/v1/namespaces/default/${kind}/${name}${query}`,
      });
      assert.ok(answer?.ok || answer?.text.includes("not_found"), answer?.text);
    }
    await until(`all ${kind} are gone`, async () => {
      const left = await list(host, kind);
      return left.every(({ name }) => !names.includes(name));
    });
  };
  await remove("services", services.map(({ name }) => name), "?cascade=true");
  await remove("snapshots", snapshots.map(({ name }) => name));
  const own = volumes.filter(({ status }) => status.ownerService !== undefined).map(({ name }) => name);
  await remove("volumes", volumes.map(({ name }) => name).filter((name) => !own.includes(name)));
  await until("all their processes are gone", async () => (await processes(marker)).length === 0);
  await until("all their containers are gone", async () => (await containers(host, true)).length === 0);
  await assertNothingLeaked(host);
}

/**
 * @throws {AssertionError} if one of the guarded services ever met another writer, here or in one more
 * directory.
 */
export async function assertOneWriter({ dataDir }: Host, shared?: string): Promise<void> {
  const root = `${dataDir}/volumes/default`;
  const volumes = (await Array.fromAsync(Deno.readDir(root))).map(({ name }) => `${root}/${name}`);
  for (const volume of [...volumes, ...shared === undefined ? [] : [shared]]) {
    assert.equal(await Deno.readTextFile(`${volume}/violations`).catch(() => ""), "", volume);
  }
}
