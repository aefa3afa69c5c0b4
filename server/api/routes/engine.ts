/** Taking another Docker Engine for this daemon's, by a person's word. @module */
import { adoptEngineSchema, adoptionSchema } from "../../../model/api.ts";
import { findNode } from "../../../node/placement.ts";
import { RuneError } from "../../../model/error.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import type { RunnerStates } from "../runner_states.ts";

/** Milliseconds that the Engine may take to say who it is. */
const ADOPT_MS = 30_000;

/** `/v1/admin/adopt-engine`. */
export function engineRoutes(deps: ServerDeps, runnerStates: RunnerStates): Endpoint[] {
  return [
    endpoint({
      method: "post",
      path: "/v1/admin/adopt-engine",
      tag: "admin",
      summary: "Take the Docker Engine that answers for the one that this daemon's containers are on",
      body: adoptEngineSchema,
      answers: { 200: { description: "The Engine that is this daemon's now", schema: adoptionSchema } },
      async handle({ body, note }) {
        const words = Object.entries(body).filter(([, said]) => said).map(([word]) => word);
        note(words.join(", "));
        const adopt = findNode(deps).runners.get("docker")?.adopt;
        if (!adopt) {
          throw new RuneError("failed_precondition", "this daemon has no Docker Engine", {
            hint: "nothing waits for one",
          });
        }
        const adoption = await adopt(body, AbortSignal.timeout(ADOPT_MS));
        runnerStates.forget();
        note(`${words.join(", ")}: ${adoption.changed ? "took" : "has"} Docker Engine ${adoption.id}`);
        return Response.json(adoption, { headers: { "cache-control": "no-store" } });
      },
    }),
  ];
}
