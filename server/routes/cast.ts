/** `POST /v1/cast`: a whole set, atomically. @module */
import { castRequestSchema, castResponseSchema } from "../../spec/api.ts";
import { cast, parseSet } from "../cast.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";

/** The route of a cast. */
export function castRoutes(deps: ServerDeps): Endpoint[] {
  return [endpoint({
    method: "post",
    path: "/v1/cast",
    tag: "cast",
    summary: "Apply a set of resources: all of them, or none",
    body: castRequestSchema,
    answers: {
      200: { description: "What was, or would be, done to each resource", schema: castResponseSchema },
    },
    async handle({ body }) {
      const { force, dryRun } = body;
      const applied = await cast(deps.store, parseSet(body.resources), deps, { force, dryRun });
      const results = applied.map(({ resource: _, ...result }) => result);
      // The transaction's own revision: a watch from here shows everything that follows from it, and nothing it did.
      const written = applied.filter((a) => a.action !== "unchanged").map((a) => a.resource.resourceVersion);
      return Response.json({
        results,
        revision: dryRun ? deps.store.revision : written[0] ?? deps.store.revision,
      });
    },
  })];
}
