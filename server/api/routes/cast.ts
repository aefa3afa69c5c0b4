/** `POST /v1/cast`: applies a set of resources atomically. @module */
import { type CastRequest, castRequestSchema, castResponseSchema } from "../../../model/api.ts";
import { BODIES, isCastKind } from "../../../model/declared.ts";
import { textsAsWritten } from "../../../model/text_fields.ts";
import { warnOfAbsent } from "../absent.ts";
import { warnOfLiteralSecrets } from "../literal_secrets.ts";
import { cast, parseSet } from "../../admission/cast.ts";
import type { ServerDeps } from "../deps.ts";
import { portsOf, warnOfForeignPorts } from "../../admission/foreign_ports.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";

/** How many names an audit record has; a cast may have thousands of resources. */
const NOTED = 20;

function describeCast({ resources, dryRun }: CastRequest): string {
  const names = resources.slice(0, NOTED).map(({ kind, body }) => {
    const { namespace, name } = body as { namespace?: unknown; name?: unknown };
    return `${kind} ${[namespace, name].filter((part) => typeof part === "string").join("/").slice(0, 130)}`;
  });
  const more = resources.length > NOTED ? ` and ${resources.length - NOTED} more` : "";
  return `${dryRun ? "dry run: " : ""}${names.join(", ")}${more}`;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
const fieldOf = (value: unknown, key: string | number) =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;

/** Puts the original texts into each resource; its kind decides which fields are texts. */
function castTexts(request: unknown, texts: unknown): unknown {
  const resources = fieldOf(request, "resources");
  if (!isObject(request) || !Array.isArray(resources)) return request;
  let changed = false;
  const read = resources.map((resource: unknown, i) => {
    const [kind, body] = [fieldOf(resource, "kind"), fieldOf(resource, "body")];
    if (!isObject(resource) || typeof kind !== "string" || !isCastKind(kind)) return resource;
    const written = fieldOf(fieldOf(fieldOf(texts, "resources"), i), "body");
    const asWritten = textsAsWritten(body, BODIES[kind], { texts: written });
    changed ||= asWritten !== body;
    return { ...resource, body: asWritten };
  });
  return changed ? { ...request, resources: read } : request;
}

/** The route of a cast. */
export function castRoutes(deps: ServerDeps): Endpoint[] {
  return [endpoint({
    method: "post",
    path: "/v1/cast",
    tag: "cast",
    summary: "Apply a set of resources: all of them, or none",
    body: castRequestSchema,
    bodyTexts: castTexts,
    answers: {
      200: {
        description: "The result for each resource; in a dry run, what would change",
        schema: castResponseSchema,
      },
    },
    async handle({ body, principal, note }) {
      const { force, dryRun } = body;
      note(describeCast(body));
      const before = portsOf(deps.store.list("service"));
      const applied = await cast(deps.store, parseSet(body.resources), deps, {
        force,
        dryRun,
        writer: principal,
      });
      const results = applied.map(({ resource: _, ...result }) => result);
      // The revision of the transaction itself: a watch from it shows every later change, but not those of
      // the cast.
      const written = applied.filter((a) => a.action !== "unchanged").map((a) => a.resource.resourceVersion);
      const resources = applied.map((a) => a.resource);
      const warnings = [
        ...warnOfLiteralSecrets(resources),
        ...warnOfAbsent(resources, { state: deps.store, viewer: principal }),
        ...await warnOfForeignPorts(resources, before),
      ];
      return Response.json({
        results,
        ...(warnings.length > 0 && { warnings }),
        revision: dryRun ? deps.store.revision : written[0] ?? deps.store.revision,
      });
    },
  })];
}
