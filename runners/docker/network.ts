/**
 * One bridge network per namespace: made when a run first needs it, removed when the namespace has no run left.
 * @module
 */
import { z } from "zod";
import { RuneError } from "../../spec/error.ts";
import { containerListSchema } from "./container_state.ts";
import { type Engine, unlessAbsent } from "./engine.ts";
import { LABEL, labelFilter, networkName } from "./labels.ts";

const networkSchema = z.object({
  Id: z.string(),
  Labels: z.record(z.string(), z.string()).nullish().transform((labels) => labels ?? {}),
});

const ipamSchema = z.object({ IPAM: z.object({ Config: z.array(z.object({ Subnet: z.string() })) }) });

/** The networks of one daemon. */
export interface Networks {
  /** Runs `make` while the namespace's network is there and kept. */
  use<T>(namespace: string, options: { signal: AbortSignal; make: () => Promise<T> }): Promise<T>;
  /** Looks at the network again before its next use: somebody removed it. */
  recheck(namespace: string): void;
  /** Removes the networks of this daemon that have no container. */
  removeUnused(signal: AbortSignal): Promise<void>;
}

/** Manages the networks of `daemonId`. */
export function createNetworks(engine: Engine, daemonId: string): Networks {
  const known = new Set<string>();
  const inUse = new Map<string, number>();
  let last: Promise<unknown> = Promise.resolve();

  // The Engine makes two networks of one name when asked twice at once, so asking is done in turn.
  function inTurn<T>(step: () => Promise<T>): Promise<T> {
    const next = last.then(step);
    last = next.catch(() => undefined);
    return next;
  }

  async function find(namespace: string, signal: AbortSignal): Promise<boolean> {
    const name = networkName(namespace, daemonId);
    const what = `look for the network of namespace ${namespace}`;
    const network = await unlessAbsent(
      engine.json(`/networks/${name}`, { what, schema: networkSchema, signal }),
    );
    if (!network) return false;
    if (network.Labels[LABEL.daemon] === daemonId) return true;
    throw new RuneError("conflict", `the network ${name} exists and is not this daemon's`, {
      hint: `remove it: docker network rm ${name}`,
    });
  }

  /**
   * The Engine lets a container keep its address, when it is taken off a network and put back, only where the network's
   * addresses were asked for. So it is let choose them for a network that is removed at once, and is then asked for the same.
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
    // One that a daemon left behind when it died in between.
    await unlessAbsent(engine.send(`/networks/${name}-addresses`, { what, method: "DELETE", signal }));
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
        // Most likely the address pools are used up; networks left behind by a crash may be in the way.
        if (await removeUnused(signal) === 0) throw shortage(error, namespace);
        await make(namespace, signal).catch((again) => {
          throw isLost(again) ? again : shortage(again, namespace);
        });
      }
    }
    known.add(namespace);
  }

  /** @returns how many were removed. */
  async function removeUnused(signal: AbortSignal): Promise<number> {
    const ours = { [LABEL.daemon]: daemonId };
    const networks = await engine.json("/networks", {
      what: "list Rune's networks",
      schema: z.array(networkSchema),
      query: { filters: labelFilter(ours) },
      signal,
    });
    const idle = networks.filter((n) => !inUse.has(n.Labels[LABEL.namespace] ?? ""));
    // From here on a use of one of these waits for its turn, and then makes the network anew.
    const wereKnown = idle.map((n) => n.Labels[LABEL.namespace] ?? "").filter((n) => known.delete(n));
    const containers = await engine.json("/containers/json", {
      what: "list Rune's containers",
      schema: containerListSchema,
      query: { all: "1", filters: labelFilter(ours) },
      signal,
    });
    const needed = new Set(containers.map((c) => c.Labels[LABEL.namespace]));
    let removed = 0;
    for (const network of idle) {
      const namespace = network.Labels[LABEL.namespace] ?? "";
      if (needed.has(namespace)) {
        if (wereKnown.includes(namespace)) known.add(namespace);
        continue;
      }
      try {
        const what = `remove the network of namespace ${namespace}`;
        await engine.send(`/networks/${network.Id}`, { what, method: "DELETE", signal });
        removed++;
      } catch (error) {
        // Refused while a container that is not Rune's is connected: its owner decides.
        if (isLost(error)) throw error;
      }
    }
    return removed;
  }

  return {
    async use(namespace, { signal, make }) {
      inUse.set(namespace, (inUse.get(namespace) ?? 0) + 1);
      try {
        if (!known.has(namespace)) await inTurn(() => ensure(namespace, signal));
        return await make();
      } finally {
        const left = inUse.get(namespace)! - 1;
        if (left > 0) inUse.set(namespace, left);
        else inUse.delete(namespace);
      }
    },
    recheck: (namespace) => void known.delete(namespace),
    removeUnused: (signal) => inTurn(() => removeUnused(signal)).then(() => undefined),
  };
}

/** Whether the Engine did not answer, so that nothing is known. */
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
