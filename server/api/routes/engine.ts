/** Adopts another Docker Engine when a person confirms it. @module */
import { adoptEngineSchema, adoptionSchema } from "../../../model/api.ts";
import { findNode } from "../../../node/placement.ts";
import { RuneError } from "../../../model/error.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import type { RunnerStates } from "../runner_states.ts";

/** How long the Engine may take to identify itself. */
const ADOPT_MS = 30_000;

/** `/v1/admin/adopt-engine`. */
export function engineRoutes(deps: ServerDeps, runnerStates: RunnerStates): Endpoint[] {
  return [
    endpoint({
      method: "post",
      path: "/v1/admin/adopt-engine",
      tag: "admin",
      summary: "Adopt the Docker Engine that answers now as the one with this daemon's containers",
      body: adoptEngineSchema,
      answers: { 200: { description: "The adopted Engine", schema: adoptionSchema } },
      async handle({ body, note }) {
        const words = Object.entries(body).filter(([, said]) => said).map(([word]) => word);
        note(words.join(", "));
        const adopt = findNode(deps).runners.get("docker")?.adopt;
        if (!adopt) {
          throw new RuneError("failed_precondition", "this daemon has no Docker Engine", {
            hint: "there is nothing to adopt",
          });
        }
        const adoption = await adopt(body, AbortSignal.timeout(ADOPT_MS));
        runnerStates.forget();
        note(
          `${words.join(", ")}: ${adoption.changed ? "adopted" : "already had"} Docker Engine ${adoption.id}`,
        );
        return Response.json(adoption, { headers: { "cache-control": "no-store" } });
      },
    }),
  ];
}
