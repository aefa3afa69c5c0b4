/**
 * Changes the names of a container on its networks. The Engine fixes them when the container joins, so it has
 * to leave and join again with the same address. This takes a tenth of a second, and open connections survive
 * it.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { Publication } from "../runner.ts";
import { type Container, containerSchema, listNames } from "./container_state.ts";
import { type Engine, unlessAbsent } from "./engine.ts";
import { networkName, SHARED } from "./labels.ts";
import type { Networks } from "./network.ts";

interface Context {
  networks: Networks;
  daemonId: string;
  signal: AbortSignal;
}

/** See {@linkcode import("../runner.ts").Runner.publish}. */
export async function publishContainer(
  engine: Engine,
  { id, namespace }: { id: string; namespace: string },
  { names: wanted, sharedNames, ip, ...context }: Publication & Context,
): Promise<void> {
  const { signal } = context;
  const what = "see the networks of the container";
  const container = await unlessAbsent(
    engine.json(`/containers/${id}/json`, { what, schema: containerSchema, signal }),
  );
  // Also works for a paused container, so that no traffic reaches it.
  if (!container || !["running", "paused"].includes(container.State.Status)) return;
  await rejoin(engine, { container, namespace, wanted, ip, ...context });
  if (sharedNames !== undefined) {
    await rejoin(engine, { container, namespace: SHARED, wanted: sharedNames, ...context });
  }
}

/** Connects a container that does not run yet to the shared network, without a name. Idempotent. */
export async function joinShared(engine: Engine, id: string, context: Context): Promise<void> {
  const network = networkName(SHARED, context.daemonId);
  const make = () => connect(engine, { id, network, aliases: [], signal: context.signal });
  try {
    await context.networks.use(SHARED, { signal: context.signal, make });
  } catch (error) {
    // It is already connected: an earlier launch is being resumed.
    if (!(error instanceof RuneError) || error.code === "unavailable" || error.code === "not_found") {
      throw error;
    }
    if (!/already exists in network/.test(error.message)) throw error;
  }
}

async function rejoin(
  engine: Engine,
  { container, namespace, wanted, ip, networks, daemonId, signal }: Context & {
    container: Container;
    namespace: string;
    wanted: string[];
    ip?: string;
  },
): Promise<void> {
  const network = networkName(namespace, daemonId);
  const current = listNames(container, network);
  if (current?.length === 0 && wanted.length === 0) return;
  const id = container.Id;
  const address = container.NetworkSettings?.Networks?.[network]?.IPAddress || ip;
  await networks.use(namespace, {
    signal,
    make: async () => {
      if (current) {
        await engine.send(`/networks/${network}/disconnect`, {
          what: "take the container off its network",
          method: "POST",
          body: { Container: id },
          signal,
        });
      }
      // From here on the container is disconnected until it is back, so an abort must not interrupt.
      const uncut = AbortSignal.timeout(RECONNECT_MS);
      const back = { id, network, aliases: wanted, signal: uncut };
      try {
        await connect(engine, { ...back, ...(address && { ip: address }) });
      } catch (error) {
        if (!address || !(error instanceof RuneError) || error.code === "unavailable") throw error;
        // The address is taken, or the network has no explicit addresses. Any other address will do.
        await connect(engine, back);
      }
    },
  });
}

/** How long the Engine may take to connect a container again. */
const RECONNECT_MS = 10_000;

function connect(
  engine: Engine,
  { id, network, aliases, ip, signal }: {
    id: string;
    network: string;
    aliases: string[];
    ip?: string;
    signal: AbortSignal;
  },
): Promise<unknown> {
  return engine.send(`/networks/${network}/connect`, {
    what: "put the container on its network",
    method: "POST",
    body: {
      Container: id,
      EndpointConfig: { Aliases: aliases, ...(ip !== undefined && { IPAMConfig: { IPv4Address: ip } }) },
    },
    signal,
  });
}
