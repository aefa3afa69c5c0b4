/** `POST /v1/cast`: a whole set, atomically. @module */
import { type CastRequest, castRequestSchema, castResponseSchema } from "../../spec/api.ts";
import { cast, parseSet } from "../cast.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";

/** Names in an audit record; a cast may hold thousands. */
const NOTED = 20;

function describeCast({ resources, dryRun }: CastRequest): string {
  const names = resources.slice(0, NOTED).map(({ kind, body }) => {
    const { namespace, name } = body as { namespace?: unknown; name?: unknown };
    return `${kind} ${[namespace, name].filter((part) => typeof part === "string").join("/").slice(0, 130)}`;
  });
  const more = resources.length > NOTED ? ` and ${resources.length - NOTED} more` : "";
  return `${dryRun ? "dry run: " : ""}${names.join(", ")}${more}`;
}

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
    async handle({ body, principal, note }) {
      const { force, dryRun } = body;
      note(describeCast(body));
      const applied = await cast(deps.store, parseSet(body.resources), deps, {
        force,
        dryRun,
        writer: principal,
      });
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
