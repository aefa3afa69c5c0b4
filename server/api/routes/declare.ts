/** PUT, POST and DELETE of single resources: casts of one resource, with preconditions. @module */
import { bodySchema, deleteQuerySchema } from "../../../model/api.ts";
import { type CastKind, isCastKind } from "../../../model/declared.ts";
import { RuneError } from "../../../model/error.ts";
import { describeKey, type KindInfo, KINDS } from "../../../model/resource.ts";
import { deleteResource } from "../../admission/deletion.ts";
import { type ApplyOptions, cast, parseSet } from "../../admission/cast.ts";
import type { ServerDeps } from "../deps.ts";
import { type Call, type Endpoint, endpoint } from "../endpoint.ts";
import { DECLARATIONS, RESOURCES } from "../openapi.ts";
import { collectionPaths, resourcePath, resourceResponse } from "./collections.ts";

/** PUT, POST and DELETE of every kind that users declare. */
export function declareRoutes(deps: ServerDeps): Endpoint[] {
  return Object.values(KINDS).flatMap((info) => isCastKind(info.kind) ? routesOf(info, info.kind, deps) : []);
}

function routesOf(info: KindInfo, kind: CastKind, deps: ServerDeps): Endpoint[] {
  const { plural: tag } = info;
  const schema = RESOURCES[kind];
  const documented = { body: bodySchema, documentedBody: DECLARATIONS[kind] };
  return [
    endpoint({
      method: "put",
      path: resourcePath(info),
      tag,
      summary: `Create or replace a ${kind}; If-Match requires a version`,
      ...documented,
      answers: {
        200: { description: "Replaced or unchanged", schema },
        201: { description: "Created", schema },
      },
      handle: (call) => declare(kind, call, { ifVersion: ifMatch(call.request) }, deps),
    }),
    endpoint({
      method: "post",
      path: collectionPaths(info)[0]!,
      tag,
      summary: `Create a ${kind}`,
      ...documented,
      answers: { 201: { description: "Created", schema } },
      handle: (call) => declare(kind, call, { createOnly: true }, deps),
    }),
    endpoint({
      method: "delete",
      path: resourcePath(info),
      tag,
      summary: `Delete a ${kind}`,
      query: deleteQuerySchema.strict(),
      answers: {
        200: { description: "The resource, marked for deletion or deleted", schema },
      },
      async handle({ request, params: { namespace = "", name }, query, principal }) {
        const deletion = {
          kind,
          namespace,
          name: name!,
          cascade: query.cascade === "true",
          now: query.now === "true",
          ifVersion: ifMatch(request),
          viewer: principal,
        };
        return resourceResponse(await deps.store.transact((tx) => deleteResource(tx, deletion)), {
          to: principal,
        });
      },
    }),
  ];
}

/** Parses the resourceVersion in an `If-Match` header. */
function ifMatch(request: Request): number | undefined {
  const header = request.headers.get("if-match");
  if (header === null || header === "*") return undefined;
  const match = /^"?(\d+)"?$/.exec(header);
  if (match) return Number(match[1]);
  throw new RuneError("invalid_argument", `If-Match: expected one resourceVersion, found ${header}`, {
    hint: 'send the ETag that the resource had when you read it, for example If-Match: "17"',
  });
}

/** Adds the name in the path to the body. A body with a name must have the same one. */
function identify(body: Record<string, unknown>, params: Record<string, string>): Record<string, unknown> {
  for (const [field, value] of Object.entries(params)) {
    if (body[field] !== undefined && body[field] !== value) {
      const found = typeof body[field] === "string" ? `"${body[field].slice(0, 80)}"` : "no name";
      const message = `expected ${value} as in the path, found ${found}`;
      throw new RuneError("invalid_argument", `${field}: ${message}`, {
        hint: `leave ${field} out of the body, or use the one in the path`,
        issues: [{ path: [field], message }],
      });
    }
  }
  return { ...body, ...params };
}

async function declare(
  kind: CastKind,
  { params, body, principal, note }: Call<unknown, Record<string, unknown>>,
  options: Omit<ApplyOptions, "writer">,
  deps: ServerDeps,
): Promise<Response> {
  const set = parseSet([{ kind, body: identify(body, params) }]);
  note(`${kind} ${describeKey(set[0]!)}`);
  const [applied] = await cast(deps.store, set, deps, { ...options, writer: principal });
  return resourceResponse(applied!.resource, {
    to: principal,
    status: applied!.action === "created" ? 201 : 200,
  });
}
