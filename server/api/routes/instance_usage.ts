/** The current CPU and memory usage of instances, read from the runners on each request. @module */
import { z } from "zod";
import { textUpTo } from "../../../model/bounded.ts";
import { LIMITS } from "../../../model/limits.ts";
import { type InstanceUsage, usageListSchema } from "../../../model/api.ts";
import type { Instance } from "../../../model/instance.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { currentRun, runnerFor } from "../targets.ts";

/** How many instances are read at once. */
const CONCURRENCY = 32;
/** How long a reading may take; slower instances are omitted. */
const TIMEOUT_MS = 3_000;

/** The route for the usage of instances. */
export function usageRoutes(deps: ServerDeps): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/usage/instances",
      tag: "instances",
      summary: "CPU and memory of running instances",
      query: z.strictObject({ namespace: textUpTo(LIMITS.word).optional() }),
      answers: {
        200: { description: "One item for each instance that could be read", schema: usageListSchema },
      },
      async handle({ query: { namespace }, principal }) {
        const running = deps.store.list("instance", namespace).filter((i) =>
          i.status.ready && principal.may({ resource: "instances", verb: "list", namespace: i.namespace })
        );
        const timeout = new AbortController();
        const timer = setTimeout(() => timeout.abort(), TIMEOUT_MS);
        try {
          const items: InstanceUsage[] = [];
          const next = running.values();
          const work = async () => {
            for (const instance of next) {
              const usage = await usageOf(instance, deps, timeout.signal);
              if (usage) items.push(usage);
            }
          };
          await Promise.all(Array.from({ length: CONCURRENCY }, work));
          return Response.json({ items });
        } finally {
          clearTimeout(timer);
        }
      },
    }),
  ];
}

async function usageOf(
  instance: Instance,
  { nodes }: ServerDeps,
  signal: AbortSignal,
): Promise<InstanceUsage | undefined> {
  if (signal.aborted) return undefined;
  const { uid, namespace, name } = instance;
  try {
    const stats = await runnerFor(instance, nodes).stats?.(currentRun(instance), signal);
    return stats && { uid, namespace, name, ...stats };
  } catch {
    // It has ended, or its runner is unreachable. Its state shows which.
    return undefined;
  }
}
