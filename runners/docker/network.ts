/**
 * Manages one bridge network for each namespace. It is created for the first run, and removed after the last.
 * @module
 */
import { z } from "zod";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { RuneError } from "../../model/error.ts";
import { containerListSchema } from "./container_state.ts";
import { type Engine, unlessAbsent } from "./engine.ts";
import { LABEL, labelFilter, networkName, SHARED } from "./labels.ts";

const networkSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  Labels: z.record(z.string(), z.string()).nullish().transform((labels) => labels ?? {}),
});

const ipamSchema = z.object({ IPAM: z.object({ Config: z.array(z.object({ Subnet: z.string() })) }) });

/** The networks of one daemon. */
export interface Networks {
  /** Runs `make` while the network of the namespace exists and cannot be removed. */
  use<T>(namespace: string, options: { signal: AbortSignal; make: () => Promise<T> }): Promise<T>;
  /** Checks the network again before its next use, since somebody removed it. */
  recheck(namespace: string): void;
  /** Checks all networks again before their next use, since the Engine has changed. */
  recheckAll(): void;
  /** Removes the networks of this daemon that have no container. */
  removeUnused(signal: AbortSignal): Promise<void>;
}

/** Manages the networks of `daemonId`. */
export function createNetworks(engine: Engine, daemonId: string): Networks {
  const known = new Set<string>();
  const inUse = new Map<string, number>();
  const lock = new KeyedLock();

  // The Engine creates two networks of one name for simultaneous requests, so requests run one at a time.
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => lock.run(["networks"], { work });

  /** Lists the networks with this daemon's label, of one namespace or of all. */
  async function list(what: string, { namespace, signal }: { namespace?: string; signal: AbortSignal }) {
    const filters = labelFilter({
      [LABEL.daemon]: daemonId,
      ...(namespace !== undefined && { [LABEL.namespace]: namespace }),
    });
    return await engine.json("/networks", {
      what,
      schema: z.array(networkSchema),
      query: { filters },
      signal,
    });
  }

  /**
   * Whether the namespace has exactly one network. The Engine may have created one for a killed daemon beside
   * that of the next daemon. Their names are the same.
   */
  async function find(namespace: string, signal: AbortSignal): Promise<boolean> {
    const name = networkName(namespace, daemonId);
    const what = `look for the network of namespace ${namespace}`;
    const ours = await list(what, { namespace, signal });
    for (const { Id } of ours.filter((n) => n.Name !== name)) await removeIdle(Id, { what, signal });
    const same = ours.filter((n) => n.Name === name);
    let left = same.length;
    for (const { Id } of same) if (left > 1 && await removeIdle(Id, { what, signal })) left--;
    if (left > 0) return true;
    if (!await unlessAbsent(engine.json(`/networks/${name}`, { what, schema: networkSchema, signal }))) {
      return false;
    }
    throw new RuneError("conflict", `the network ${name} exists and is not this daemon's`, {
      hint: `remove it: docker network rm ${name}`,
    });
  }

  /** @returns false if it has containers, even foreign ones, since their owner decides. */
  async function removeIdle(id: string, { what, signal }: { what: string; signal: AbortSignal }) {
    try {
      await unlessAbsent(engine.send(`/networks/${id}`, { what, method: "DELETE", signal }));
      return true;
    } catch (error) {
      if (isLost(error)) throw error;
      return false;
    }
  }

  /**
   * When a container leaves a network and joins again, the Engine lets it keep its address only if the
   * network was created with explicit addresses. So the Engine first chooses addresses for a network that is
   * removed at once, and the real network is created with the same.
   */
  async function make(namespace: string, signal: AbortSignal): Promise<void> {
    const name = networkName(namespace, daemonId);
    const what = `make the network of namespace ${namespace}`;
    const create = (Name: string, IPAM?: unknown) =>
      engine.json("/networks/create", {
        what,
        schema: z.object({ Id: z.string() }),
        method: "POST",
        body: {
          Name,
          Driver: "bridge",
          CheckDuplicate: true,
          Labels: { [LABEL.daemon]: daemonId, [LABEL.namespace]: namespace },
          IPAM,
        },
        signal,
      });
    const { Id } = await create(`${name}-addresses`);
    const { IPAM } = await engine.json(`/networks/${Id}`, { what, schema: ipamSchema, signal });
    await engine.send(`/networks/${Id}`, { what, method: "DELETE", signal });
    await create(name, { Config: IPAM.Config.map(({ Subnet }) => ({ Subnet })) });
  }

  async function ensure(namespace: string, signal: AbortSignal): Promise<void> {
    if (known.has(namespace)) return;
    if (!await find(namespace, signal)) {
      try {
        await make(namespace, signal);
      } catch (error) {
        if (isLost(error)) throw error;
        // The address pools are probably used up. Networks that a crash left behind may take up space.
        if (await removeUnused(signal) === 0) throw shortage(error, namespace);
        await make(namespace, signal).catch((again) => {
          throw isLost(again) ? again : shortage(again, namespace);
        });
      }
    }
    known.add(namespace);
  }

  /** @returns the number of removed networks. */
  async function removeUnused(signal: AbortSignal): Promise<number> {
    const networks = await list("list Rune's networks", { signal });
    const idle = networks.filter((n) => !inUse.has(n.Labels[LABEL.namespace] ?? ""));
    // From here on a use of one of these waits for its turn, and then creates the network again.
    const wereKnown = idle.map((n) => n.Labels[LABEL.namespace] ?? "").filter((n) => known.delete(n));
    const containers = await engine.json("/containers/json", {
      what: "list Rune's containers",
      schema: containerListSchema,
      query: { all: "1", filters: labelFilter({ [LABEL.daemon]: daemonId }) },
      signal,
    });
    // Any container may join the network of all namespaces.
    const needed = new Set(containers.flatMap((c) => [c.Labels[LABEL.namespace], SHARED]));
    let removed = 0;
    for (const network of idle) {
      const namespace = network.Labels[LABEL.namespace] ?? "";
      if (needed.has(namespace)) {
        if (wereKnown.includes(namespace)) known.add(namespace);
        continue;
      }
      const what = `remove the network of namespace ${namespace}`;
      if (await removeIdle(network.Id, { what, signal })) removed++;
    }
    return removed;
  }

  return {
    async use(namespace, { signal, make }) {
      inUse.set(namespace, (inUse.get(namespace) ?? 0) + 1);
      try {
        if (!known.has(namespace)) await inTurn(() => ensure(namespace, signal));
        return await make();
      } catch (error) {
        // The network may be missing or replaced, so the next use checks it.
        known.delete(namespace);
        throw error;
      } finally {
        const left = inUse.get(namespace)! - 1;
        if (left > 0) inUse.set(namespace, left);
        else inUse.delete(namespace);
      }
    },
    recheck: (namespace) => void known.delete(namespace),
    recheckAll: () => known.clear(),
    removeUnused: (signal) => inTurn(() => removeUnused(signal)).then(() => undefined),
  };
}

/** Whether the Engine did not answer, so that the result is unknown. */
function isLost(error: unknown): boolean {
  return !(error instanceof RuneError) || error.code === "unavailable" || error.code === "deadline_exceeded";
}

function shortage(cause: unknown, namespace: string): RuneError {
  const sentence = cause instanceof Error ? cause.message : String(cause);
  return new RuneError("failed_precondition", sentence, {
    cause,
    permanent: false,
    hint:
      `Docker has addresses for about 30 networks and each namespace needs one: remove unused networks (docker network prune), ` +
      `or add default-address-pools to /etc/docker/daemon.json; then namespace ${namespace} gets its network`,
  });
}
