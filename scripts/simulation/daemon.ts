/** One life of the daemon: the real store and the real controllers on the world's node. It ends by being dropped. @module */
import { getLogger } from "@logtape/logtape";
import type { Gate } from "../../base/testing/gate.ts";
import { createClock } from "../../base/clock.ts";
import { RuneError } from "../../model/error.ts";
import { type NodeDriver, wrapDrivers } from "../../node/driver_calls.ts";
import { wrapRunner } from "../../node/runner_calls.ts";
import { createProber } from "../../node/probes/prober.ts";
import type { RunnerName } from "../../model/instance.ts";
import type { Runner } from "../../runners/runner.ts";
import type { KeptLogs } from "../../reconcile/kept_logs/kept_logs.ts";
import { startControllers } from "../../reconcile/start.ts";
import type { SecretReader } from "../../store/secrets/vault.ts";
import { openOn, type Store } from "../../store/store.ts";
import { openMemoryKv } from "../../store/testing/memory_kv.ts";
import type { World } from "./world.ts";

/** A daemon that runs. */
export interface SimulatedDaemon {
  store: Store;
  drivers: ReadonlyMap<string, NodeDriver>;
}

/** Starts a daemon on what the last one left. */
export async function startSimulated(
  world: World,
  { gate, seedStore }: { gate: Gate; seedStore(store: Store): Promise<void> },
): Promise<SimulatedDaemon> {
  const clock = createClock();
  const store = await openOn(openMemoryKv(world.disk, gate), {
    dataDir: "/memory",
    clock: () => clock.now(),
    held: { [Symbol.dispose]: () => {} },
  });
  await seedStore(store);
  const { runner, driver, stage, holds, files } = world.openNode(gate);
  const secrets: SecretReader = {
    readSecret: (namespace, name) =>
      Promise.reject(new RuneError("not_found", `secret ${namespace}/${name} does not exist`)),
  };
  const runners = new Map<RunnerName, Runner>([["docker", wrapRunner(runner)]]);
  const drivers = wrapDrivers(new Map([["local", driver]]), { node: "node", secrets });
  startControllers({
    store,
    secrets,
    drivers,
    runners,
    prober: createProber({ runners, clock }),
    clock,
    proxy: { apply: () => Promise.resolve(), urlsOf: () => [], onEnd: () => () => {}, close() {} },
    node: { name: "node", labels: {} },
    logger: getLogger(["simulation"]),
    stage,
    bootId: world.bootId,
    holds,
    files,
    keptLogs: {
      keep: async (_log: unknown, entries: AsyncIterable<unknown>) => void await Array.fromAsync(entries),
      forget: () => Promise.resolve(),
      sweep: () => Promise.resolve(0),
    } as unknown as KeptLogs,
  });
  return { store, drivers };
}
