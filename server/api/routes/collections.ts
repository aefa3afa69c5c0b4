/** List, get and watch for every public kind. @module */
import { z } from "zod";
import { listSchema, watchEventSchema } from "../../../model/api.ts";
import { RuneError } from "../../../model/error.ts";
import type { RuleResource } from "../../../model/identity.ts";
import { textUpTo } from "../../../model/bounded.ts";
import { LIMITS } from "../../../model/limits.ts";
import { type AnyResource, type Kind, type KindInfo, KINDS } from "../../../model/resource.ts";
import { matchesFields, matchesLabels, parseLabelSelector } from "../../../model/selector.ts";
import { requireResource } from "../../admission/preconditions.ts";
import { shownTo, type Viewer } from "../../auth/visibility.ts";
import type { ServerDeps } from "../deps.ts";
import { type Call, type Endpoint, endpoint, wholeNumber } from "../endpoint.ts";
import { readFieldSelector } from "../field_selector.ts";
import { RESOURCES } from "../openapi.ts";
import { eventStream } from "../streams/sse.ts";
import { watchEvents } from "../streams/watch.ts";

const listQuery = z.strictObject({
  labelSelector: textUpTo(LIMITS.selector).optional().describe("app=web,tier in (a,b),!old"),
  fieldSelector: textUpTo(LIMITS.selector).optional().describe("status=Bound,spec.service!=web"),
  limit: wholeNumber.refine((n) => n > 0, { error: "expected at least 1" }).optional().describe(
    "The most items of a page",
  ),
  continue: textUpTo(LIMITS.image).optional().describe("The previous page's `continue`"),
  watch: z.enum(["true", "false"]).default("false").describe("Stream changes as server-sent events"),
  since: wholeNumber.optional().describe(
    "With watch: only changes after this revision; without it, what exists comes first",
  ),
});
type ListQuery = z.output<typeof listQuery>;

/** The collection paths of a kind: of one namespace, and of all. */
export function collectionPaths({ namespaced, plural }: KindInfo): string[] {
  return namespaced ? [`/v1/namespaces/{namespace}/${plural}`, `/v1/${plural}`] : [`/v1/${plural}`];
}

/** The path of one resource of a kind. */
export const resourcePath = (info: KindInfo) => `${collectionPaths(info)[0]}/{name}`;

/** Answers with a resource as the caller may see it, and with its version as ETag. */
export function resourceResponse(
  resource: AnyResource,
  { to, status = 200 }: { to: Viewer; status?: number },
): Response {
  return Response.json(shownTo(to, resource), { status, headers: { etag: `"${resource.resourceVersion}"` } });
}

/** List, watch and get of every public kind. */
export function collectionRoutes(deps: ServerDeps): Endpoint[] {
  return Object.values(KINDS).filter((info) => info.public).flatMap((info) => {
    const schema = RESOURCES[info.kind as keyof typeof RESOURCES];
    const lists = collectionPaths(info).map((path) =>
      endpoint({
        method: "get",
        path,
        tag: info.plural,
        summary: `List ${info.plural}${
          path.includes("{") || !info.namespaced ? "" : " of all namespaces"
        }, or watch them`,
        query: listQuery,
        answers: {
          200: {
            description: "A page, or with watch=true a stream of events",
            schema: listSchema(schema),
            events: watchEventSchema,
          },
        },
        handle: (call) =>
          call.query.watch === "true" ? watch(deps, info.kind, call) : list(deps, info.kind, call),
      })
    );
    const get = endpoint({
      method: "get",
      path: resourcePath(info),
      tag: info.plural,
      summary: `Get a ${info.kind}`,
      answers: { 200: { description: "The resource; its version is the ETag", schema } },
      handle: ({ params: { namespace = "", name }, principal }) =>
        resourceResponse(
          addUnstored(
            deps,
            requireResource(deps.store, { kind: info.kind, namespace, name: name! }) as AnyResource,
          ),
          { to: principal },
        ),
    });
    return [...lists, get];
  });
}

/**
 * Returns a function that says whether the selectors match a resource as the caller sees it. A field that is
 * hidden cannot be guessed with a selector.
 */
function selection(
  kind: Kind,
  { query: { labelSelector, fieldSelector }, principal }: Call<ListQuery>,
): (resource: AnyResource) => boolean {
  const labels = parseLabelSelector(labelSelector ?? "");
  const schema = RESOURCES[kind as keyof typeof RESOURCES];
  const fields = readFieldSelector(fieldSelector ?? "", { kind, schema });
  return (resource) =>
    matchesLabels(resource.labels, labels) &&
    (fields.length === 0 || matchesFields(shownTo(principal, resource), fields));
}

/** The latest known state of a resource, even if it could not be stored. */
const addUnstored = ({ unstored }: ServerDeps, resource: AnyResource) =>
  unstored?.addUnstored(resource) ?? resource;

function list(deps: ServerDeps, kind: Kind, call: Call<ListQuery>): Response {
  const { store } = deps;
  const { params, query } = call;
  if (query.since !== undefined) {
    throw new RuneError("invalid_argument", "since works only for watches", { hint: "add watch=true" });
  }
  const all = (store.list(kind, params.namespace) as AnyResource[]).map((resource) =>
    addUnstored(deps, resource)
  );
  const matching = all.filter(selection(kind, call))
    .filter(
      makeVisibility(kind, call),
    );
  const after = query.continue === undefined ? undefined : readToken(query.continue);
  const start = after === undefined ? 0 : matching.findIndex((r) => isAfter(r, after));
  const items = start < 0 ? [] : matching.slice(start, query.limit && start + query.limit);
  const more = start >= 0 && start + items.length < matching.length;
  return Response.json({
    items: items.map((item) => shownTo(call.principal, item)),
    revision: store.revision,
    ...(more && { continue: writeToken(items.at(-1)!) }),
  });
}

/**
 * The last resource of a page. A name instead of a number, so that resources created or removed in the
 * meantime shift nothing.
 */
interface PageEnd {
  namespace: string;
  name: string;
}

const isAfter = (r: PageEnd, end: PageEnd) =>
  r.namespace === end.namespace ? r.name > end.name : r.namespace > end.namespace;

const writeToken = ({ namespace, name }: PageEnd) => btoa(`${namespace}/${name}`);

function readToken(token: string): PageEnd {
  try {
    const [namespace, name] = atob(token).split("/");
    if (namespace !== undefined && name !== undefined) return { namespace, name };
  } catch {
    // Not base64. It gets the same answer as any other invalid token.
  }
  throw new RuneError("invalid_argument", "continue is not a token of this API", {
    hint: "pass the continue of the previous page, unchanged",
  });
}

/** Returns a function that says whether the caller may see a resource. */
function makeVisibility(kind: Kind, { principal }: Call): (resource: AnyResource) => boolean {
  const resource = KINDS[kind].plural as RuleResource;
  return ({ namespace, name }) =>
    principal.may({ resource, verb: "list", namespace: kind === "namespace" ? name : namespace });
}

function watch(deps: ServerDeps, kind: Kind, call: Call<ListQuery>): Response {
  const { request, params, query, requestId } = call;
  if (query.limit !== undefined || query.continue !== undefined) {
    throw new RuneError("invalid_argument", "a watch has no pages", { hint: "leave out limit and continue" });
  }
  // An EventSource sends this header when it reconnects.
  const last = request.headers.get("last-event-id");
  const since = last !== null && /^\d+$/.test(last) ? Number(last) : query.since;
  const matches = selection(kind, call);
  const isPermitted = makeVisibility(kind, call);
  const show = (resource: AnyResource) => shownTo(call.principal, resource);
  const watched = { kind, namespace: params.namespace, since, matches, isPermitted, show };
  return eventStream(watchEvents(deps.store, watched), { shutdown: deps.shutdown, requestId });
}
