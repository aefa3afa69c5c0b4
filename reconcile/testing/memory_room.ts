/**
 * An in-memory host for controller tests that need neither root nor Docker. Runs and volumes are fakes, and
 * the store is real. Volumes are temporary directories, so code that opens them finds them.
 * @module
 */
import { join } from "node:path";
import { createClock } from "../../base/clock.ts";
import { TestGate } from "../../base/testing/gate.ts";
import { MemoryDriver, type MemoryDriverOptions } from "../../drivers/testing/memory_driver.ts";
import { MemoryVolumes } from "../../drivers/testing/memory_volumes.ts";
import type { AnyResource, Kind, Kinds } from "../../model/resource.ts";
import { createNodes } from "../../node/node.ts";
import { fixedSecrets } from "../../node/testing/drivers.ts";
import { makeTestNode } from "../../node/testing/test_node.ts";
import type { NodeRunner } from "../../node/node_runner.ts";
import type { Runner } from "../../runners/runner.ts";
import { createMemoryRunner } from "../../runners/testing/memory_runner.ts";
import { MemoryRuns } from "../../runners/testing/memory_runs.ts";
import type { SecretReader } from "../../store/secrets/vault.ts";
import { openStoreOn, type Store } from "../../store/store.ts";
import { MemoryDisk, openMemoryKv } from "../../store/testing/memory_kv.ts";
import { readDataFrom, readSecretFrom } from "../config/data.ts";
import { createLooks } from "../instance/looks.ts";
import { KeptLogs } from "../kept_logs/kept_logs.ts";
import { createMountedVolumes } from "../mounted_volumes.ts";
import { makeClass } from "./resources.ts";

/** The environment of one test. */
export interface MemoryRoom {
  store: Store;
  /** Closes single calls of runner and driver. */
  gate: TestGate;
  runs: MemoryRuns;
  volumes: MemoryVolumes;
  runner: NodeRunner;
  /** The dependencies of every controller. */
  deps: ReturnType<typeof makeDeps>;
  signal: AbortSignal;
}

/** Options of a room. */
export interface RoomOptions extends Pick<MemoryDriverOptions, "capabilities" | "onMount"> {
  /** The values of secrets, by `<namespace>/<name>`. */
  secretValues?: Record<string, Record<string, string>>;
}

function makeDeps(
  { store, runner, driver, directory, secrets }: {
    store: Store;
    runner: Runner;
    driver: MemoryDriver;
    directory: string;
    secrets: SecretReader;
  },
) {
  const mounts = createMountedVolumes(() => {});
  const node = makeTestNode({ directory, drivers: [driver], runners: [runner], secrets });
  return {
    store,
    secrets,
    node,
    nodes: createNodes([node]),
    mounts,
    clock: createClock(),
    looks: createLooks(),
    keptLogs: new KeptLogs(join(directory, "logs")),
    readData: readDataFrom(store, readSecretFrom(secrets)),
    remount: ({ uid }: { uid: string }) => mounts.delete(uid),
    findInstance: (uid: string) => store.list("instance").find((instance) => instance.uid === uid),
  };
}

/** Runs a test in its own room, with the storage class `local` in the store. */
export async function withMemoryRoom(
  test: (room: MemoryRoom) => Promise<void>,
  { secretValues = {}, ...options }: RoomOptions = {},
): Promise<void> {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-memory-" }));
  const gate = new TestGate();
  const runs = new MemoryRuns();
  const volumes = new MemoryVolumes({
    root: join(directory, "volumes"),
    makeDirectory: (path) => Deno.mkdir(path, { recursive: true }),
  });
  const store = await openStoreOn(openMemoryKv(new MemoryDisk()), {
    dataDir: directory,
    held: { [Symbol.dispose]: () => {} },
  });
  const runner = createMemoryRunner({ runs, gate });
  const driver = new MemoryDriver({ volumes, gate, name: "local", ...options });
  const deps = makeDeps({ store, runner, driver, directory, secrets: fixedSecrets(secretValues) });
  try {
    await Deno.mkdir(join(directory, "run"));
    await keep(store, makeClass({ reclaimPolicy: "delete" }));
    const { signal } = new AbortController();
    await test({ store, gate, runs, volumes, runner: deps.node.runners.get("docker")!, deps, signal });
  } finally {
    await deps.node.close();
    await store.close();
    await Deno.remove(directory, { recursive: true });
  }
}

/** Stores a resource of the table tests. @returns the resource with its uid from the store. */
export async function keep<K extends Kind>(
  store: Store,
  resource: AnyResource & { kind: K },
): Promise<Kinds[K]> {
  const { kind, namespace, name, finalizers, spec, status, annotations } = resource;
  return await store.transact((tx) =>
    tx.create<K>({
      ...{ kind, namespace, name, finalizers, annotations },
      spec: spec as Kinds[K]["spec"],
      status: status as Kinds[K]["status"],
    })
  );
}
