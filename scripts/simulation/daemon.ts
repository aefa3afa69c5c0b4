/**
 * One life of the daemon: the real store and the real controllers on the world's node. It ends by being
 * dropped.
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { Gate } from "../../base/testing/gate.ts";
import { createClock } from "../../base/clock.ts";
import { createNodes } from "../../node/node.ts";
import type { NodeDriver } from "../../node/node_driver.ts";
import { fixedSecrets } from "../../node/testing/drivers.ts";
import type { KeptLogs } from "../../reconcile/kept_logs/kept_logs.ts";
import { startControllers } from "../../reconcile/start.ts";
import { openStoreOn, type Store } from "../../store/store.ts";
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
  { gate, createInitialResources }: { gate: Gate; createInitialResources(store: Store): Promise<void> },
): Promise<SimulatedDaemon> {
  const clock = createClock();
  const store = await openStoreOn(openMemoryKv(world.disk, gate), {
    dataDir: "/memory",
    clock: () => clock.now(),
    held: { [Symbol.dispose]: () => {} },
  });
  await createInitialResources(store);
  const node = world.openNode(gate, clock);
  startControllers({
    store,
    secrets: fixedSecrets(),
    nodes: createNodes([node]),
    clock,
    logger: getLogger(["simulation"]),
    keptLogs: {
      keep: async (_log: unknown, entries: AsyncIterable<unknown>) => void await Array.fromAsync(entries),
      forget: () => Promise.resolve(),
      sweep: () => Promise.resolve(0),
    } as unknown as KeptLogs,
  });
  return { store, drivers: node.drivers };
}
