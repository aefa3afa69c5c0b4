/**
 * The right that each route requires. For routes of a kind it follows from method and path; all others are in
 * a table. A route that is in neither refuses every caller.
 * @module
 */
import type { RuleResource, Verb } from "../../model/identity.ts";
import { KINDS } from "../../model/resource.ts";
import type { Route } from "./route.ts";

/** Who may call a route. */
export type Access =
  /** Anyone who can reach the daemon. */
  | { who: "anyone" }
  /** Anyone on this machine. For bootstrap. */
  | { who: "loopback" }
  /** Any caller with a valid token. */
  | { who: "authenticated" }
  /** Callers with this permission. `at` says where the namespace comes from. */
  | { who: "permitted"; resource: RuleResource; verb: Verb; at: "namespace" | "name" | "cluster" }
  /** Callers with this permission in at least one namespace. The answer holds only what they may see. */
  | { who: "somewhere"; resource: RuleResource; verb: Verb }
  /** Any caller with a valid token. The handler checks each resource before it writes it. */
  | { who: "writer" };

const cluster = (resource: RuleResource, verb: Verb): Access => ({
  who: "permitted",
  resource,
  verb,
  at: "cluster",
});

const TABLE: Record<string, Access> = {
  "get /healthz": { who: "anyone" },
  "get /v1/version": { who: "anyone" },
  "get /v1/status": { who: "authenticated" },
  "post /v1/cast": { who: "writer" },
  "get /v1/auth/whoami": { who: "authenticated" },
  "post /v1/auth/bootstrap": { who: "loopback" },
  "get /v1/namespaces/{namespace}/trash": {
    who: "permitted",
    resource: "volumes",
    verb: "list",
    at: "namespace",
  },
  "get /v1/trash": { who: "somewhere", resource: "volumes", verb: "list" },
  // Of all namespaces, and with the tokens of all classes.
  "get /v1/volumes/orphans": cluster("volumes", "list"),
  "get /v1/usage/instances": { who: "somewhere", resource: "instances", verb: "list" },
  "post /v1/images/describe": { who: "somewhere", resource: "services", verb: "create" },
  "get /metrics": { who: "authenticated" },
  "post /v1/admin/backup": cluster("backup", "create"),
  "get /v1/admin/audit": cluster("audit", "get"),
  "post /v1/admin/adopt-engine": cluster("engine", "update"),
  "post /v1/admin/rotate-kek": cluster("kek", "update"),
  "get /v1/admin/users": cluster("users", "list"),
  "post /v1/admin/users": cluster("users", "create"),
  "post /v1/admin/services": cluster("users", "create"),
  "put /v1/admin/users/{name}/policies": cluster("users", "update"),
  "delete /v1/admin/users/{name}": cluster("users", "delete"),
  "get /v1/admin/tokens": cluster("tokens", "list"),
  "post /v1/admin/tokens": cluster("tokens", "create"),
  "delete /v1/admin/tokens/{name}": cluster("tokens", "delete"),
  "get /v1/admin/policies": cluster("policies", "list"),
  "post /v1/admin/policies": cluster("policies", "create"),
  "put /v1/admin/policies/{name}": cluster("policies", "update"),
  "delete /v1/admin/policies/{name}": cluster("policies", "delete"),
  "get /v1/admin/registries": cluster("registries", "list"),
  "put /v1/admin/registries": cluster("registries", "update"),
  "delete /v1/admin/registries": cluster("registries", "delete"),
};

/** Verbs of actions other than `update`. */
const ACTION_VERBS: Record<string, Verb> = {
  scale: "scale",
  stop: "scale",
  undelete: "create",
};

const PLURALS = new Map(Object.values(KINDS).filter((k) => k.public).map((k) => [k.plural, k]));
const KIND_PATH = /^\/v1(\/namespaces\/\{namespace\})?\/([a-z]+)(\/\{name\}(?:\/(.+))?)?$/;

function kindAccess({ method, path }: Pick<Route, "method" | "path">): Access | undefined {
  const match = KIND_PATH.exec(path);
  const kind = PLURALS.get(match?.[2] ?? "");
  if (!match || !kind) return undefined;
  const [, inNamespace, plural, named, rest] = match;
  const resource = plural as RuleResource;
  const at = kind.namespaced ? "namespace" : kind.kind === "namespace" ? "name" : "cluster";
  const permit = (verb: Verb): Access => ({ who: "permitted", resource, verb, at });
  if (!named) {
    if (method !== "get") return method === "post" ? { who: "writer" } : undefined;
    return inNamespace || at === "cluster" ? permit("list") : { who: "somewhere", resource, verb: "list" };
  }
  if (rest === undefined) {
    return method === "put" ? { who: "writer" } : method === "post" ? undefined : permit(method);
  }
  if (rest === "exec") return permit("exec");
  const action = /^actions\/([a-z-]+)$/.exec(rest)?.[1];
  if (method === "post" && action) return permit(ACTION_VERBS[action] ?? "update");
  return method === "get" ? permit("get") : undefined;
}

/** The access rule of a route, or undefined if it has none. */
export function accessOf(endpoint: Pick<Route, "method" | "path">): Access | undefined {
  return TABLE[`${endpoint.method} ${endpoint.path}`] ?? kindAccess(endpoint);
}

/** The verbs that an action or a parameter requires beyond those of its route. */
export function extraVerbs(
  { method, path }: Pick<Route, "method" | "path">,
  query: URLSearchParams,
): { resource: RuleResource; verb: Verb }[] {
  if (path.endsWith("/actions/set-default")) {
    return [{ resource: "storageclasses", verb: "storageclasses.set-default" }];
  }
  if (method === "delete" && query.getAll("cascade").includes("true") && path.includes("{namespace}")) {
    return [{ resource: "volumes", verb: "volumes.cascade" }];
  }
  if (method === "get" && query.getAll("watch").includes("true")) {
    const plural = path.split("/").at(-1)!;
    return PLURALS.has(plural) ? [{ resource: plural as RuleResource, verb: "watch" }] : [];
  }
  return [];
}
