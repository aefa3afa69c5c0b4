/** What instances use of CPU and memory now: asked of the runners, kept nowhere. @module */
import { z } from "zod";
import { textUpTo } from "../../../model/bounded.ts";
import { LIMITS } from "../../../model/limits.ts";
import { type InstanceUsage, usageListSchema } from "../../../model/api.ts";
import type { Instance } from "../../../model/instance.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { currentRun, runnerFor } from "../targets.ts";

/** Readings made at once. */
const CONCURRENCY = 32;
/** What cannot be read in this time is left out. */
const TIMEOUT_MS = 3_000;

/** The usage of instances. */
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
    // It ended meanwhile, or its runner is out of reach: its state says so.
    return undefined;
  }
}
