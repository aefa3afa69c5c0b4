/** Health, version and status of the daemon. @module */
import { type Event, serviceOfInstance } from "../../../model/event.ts";
import type { Kind } from "../../../model/resource.ts";
import type { Reader } from "../../../store/store.ts";
import { z } from "zod";
import { type Status, statusSchema, versionSchema } from "../../../model/api.ts";
import { RuneError } from "../../../model/error.ts";
import { maySee, seenBy, type Viewer, warningsFor } from "../../auth/visibility.ts";
import type { AnyResource } from "../../../model/resource.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import type { RunnerStates } from "../runner_states.ts";
import { problemResponse, toProblem } from "../../http/problem.ts";

/** The routes for health, version and status. */
export function systemRoutes(deps: ServerDeps, runnerStates: RunnerStates): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/healthz",
      tag: "system",
      summary: "Whether the daemon works",
      answers: {
        200: {
          description: "It reconciles. If degraded, it keeps services running but can store nothing",
          schema: z.object({ status: z.enum(["ok", "degraded"]), problem: z.string().optional() }),
        },
      },
      async handle({ requestId }) {
        try {
          if (deps.shutdown.aborted) throw new RuneError("unavailable", "the daemon is shutting down");
          await deps.store.check();
          const dead = deps.listDead?.() ?? [];
          if (dead.length > 0) {
            throw new RuneError("unavailable", `no longer running: ${dead.join(", ")}`, {
              hint: "restart the daemon; its log says why",
            });
          }
          // Not 503: a restart would not free space, and services keep running. The caller is unknown, so no
          // path is shown.
          const degraded = await deps.writes?.problem() !== undefined;
          const problem = "nothing can be stored; see rune status";
          return Response.json(degraded ? { status: "degraded", problem } : { status: "ok" });
        } catch (error) {
          return problemResponse(toProblem(error, requestId), { status: 503 });
        }
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/version",
      tag: "system",
      summary: "Version of the daemon",
      answers: { 200: { description: "The version", schema: versionSchema } },
      handle: () => {
        const { version, commit, builtAt } = deps.info;
        return Response.json({ version, commit, builtAt, deno: Deno.version.deno });
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/status",
      tag: "system",
      summary: "An overview of the node",
      answers: { 200: { description: "The status", schema: statusSchema } },
      handle: async ({ principal }) => {
        const [runners, problem] = await Promise.all([runnerStates.read(), deps.writes?.problem()]);
        return Response.json(statusOf(deps, { runners, problem, viewer: principal }));
      },
    }),
  ];
}

function count(states: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const state of states) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** How many warnings are shown, and for how long. */
const WARNINGS = { most: 10, forMs: 60 * 60_000 };

/** Whether an event is about a deleted resource whose name another one has by now. */
function isOfPredecessor({ namespace, spec: { object, lastAt } }: Event, store: Reader): boolean {
  if (object.kind === "instance") {
    const service = store.get("service", namespace, serviceOfInstance(object.name));
    return service !== undefined && lastAt < service.createdAt;
  }
  const now = store.get(object.kind as Kind, namespace, object.name);
  return now !== undefined && now.uid !== object.uid;
}

function recentWarnings(
  { store }: ServerDeps,
  viewer: Viewer,
): Status["recentWarnings"] {
  const since = new Date(Date.now() - WARNINGS.forMs).toISOString();
  return seenBy(viewer, "event", store.list("event"))
    .filter((event) => event.spec.type === "Warning" && event.spec.lastAt >= since)
    .filter((event) => !isOfPredecessor(event, store))
    .sort((a, b) => b.resourceVersion - a.resourceVersion).slice(0, WARNINGS.most)
    .map(({ namespace, spec: { object: { kind, name }, reason, message, count, lastAt } }) => ({
      namespace,
      object: { kind, name },
      reason,
      message,
      count,
      lastAt,
    }));
}

function statusOf(
  deps: ServerDeps,
  { runners, problem, viewer }: { runners: Status["runners"]; problem?: string | undefined; viewer: Viewer },
): Status {
  const { store, info } = deps;
  const { commit: _commit, builtAt: _builtAt, backupWarnings: _backups, ...shown } = info;
  return {
    recentWarnings: recentWarnings(deps, viewer),
    ...shown,
    warnings: [...problem === undefined ? [] : [problem], ...warningsFor(viewer, info)],
    runners,
    namespaces: store.list("namespace").filter(({ name }) => maySee(viewer, "service", name)).map(
      ({ name }) => {
        const addUnstored = <R extends AnyResource>(resource: R) =>
          deps.unstored?.addUnstored(resource) ?? resource;
        const instances = store.list("instance", name).map(addUnstored);
        return {
          name,
          services: count(store.list("service", name).map((s) => addUnstored(s).status.state)),
          instances: { total: instances.length, ready: instances.filter((i) => i.status.ready).length },
          volumes: count(store.list("volume", name).map((v) => v.status.state)),
        };
      },
    ),
  };
}
