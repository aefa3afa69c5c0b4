/**
 * The rights that each parameter of each route requires beyond those of the route. A parameter without a row
 * is refused to every caller, and a test looks for such parameters.
 * @module
 */
import { z } from "zod";
import type { BackupRequest } from "../../model/api.ts";
import { RuneError } from "../../model/error.ts";
import type { Permission, Permit } from "./authority.ts";
import type { Route } from "./route.ts";

/** What a parameter requires, decided on the validated request. */
export type ParameterRule<Input = never> =
  /** Nothing more: it only selects, filters or formats. */
  | "nothing"
  /** The handler, or `extraVerbs()` in access.ts, checks the right to each resource that it names. */
  | "by the handler"
  /** These permissions. */
  | ((input: Input) => Permission[]);

/** Rules of one route, by query parameter and body field. `*` is a body that is a whole declaration. */
type Rows = Record<string, ParameterRule>;

const SELECTORS: Rows = {
  labelSelector: "nothing",
  fieldSelector: "nothing",
  limit: "nothing",
  continue: "nothing",
  since: "nothing",
  watch: "by the handler",
};
/**
 * Without `now`, deleted data stays in the trash for a day. It requires no extra right: who may delete may
 * also destroy.
 */
const DELETION: Rows = { cascade: "by the handler", now: "nothing" };
const DECLARATION: Rows = { "*": "by the handler" };
const LOGS: Rows = {
  follow: "nothing",
  tail: "nothing",
  since: "nothing",
  until: "nothing",
  previous: "nothing",
  initStep: "nothing",
};

const inNamespaceOf = (volume: string, permission: Omit<Permission, "namespace">): Permission => ({
  ...permission,
  namespace: volume.slice(0, volume.indexOf("/")),
});

/**
 * The route's `create backup` covers the state: resources, history, and secrets as ciphertext. A new field
 * does not compile.
 */
const BACKUP: Record<keyof BackupRequest, ParameterRule<BackupRequest>> = {
  // State and key together reveal every secret, which `admin` must not read.
  withKek: ({ withKek }) => withKek ? [{ resource: "kek", verb: "get", namespace: "" }] : [],
  // Reading a volume requires the same right as mounting it read-only. A snapshot pauses the volume's
  // writers.
  volumes: ({ volumes, snapshots = true }) =>
    volumes.flatMap((volume) => [
      inNamespaceOf(volume, { resource: "volumes", verb: "get" }),
      ...snapshots ? [inNamespaceOf(volume, { resource: "snapshots", verb: "create" })] : [],
    ]),
  snapshots: "nothing",
};

const TABLE: Record<string, Rows> = {
  "post /v1/admin/backup": BACKUP,
  // Both only confirm what the route itself requires.
  "post /v1/admin/adopt-engine": { containersAreGone: "nothing", takeOver: "nothing" },
  // Who may run an image may also read it.
  "post /v1/images/describe": { images: "nothing" },
  "post /v1/cast": { resources: "by the handler", force: "nothing", dryRun: "nothing" },
  // Nobody can grant more than they have: see identities.ts.
  "post /v1/admin/users": { name: "nothing", description: "nothing", policies: "by the handler" },
  "post /v1/admin/services": {
    name: "nothing",
    description: "nothing",
    namespace: "nothing",
    policies: "by the handler",
  },
  "put /v1/admin/users/{name}/policies": { policies: "by the handler" },
  "post /v1/admin/tokens": { user: "by the handler", description: "nothing", expiresIn: "nothing" },
  "post /v1/admin/policies": { name: "nothing", description: "nothing", rules: "by the handler" },
  "put /v1/admin/policies/{name}": { description: "nothing", rules: "by the handler" },
  "get /v1/admin/audit": {
    since: "nothing",
    user: "nothing",
    denied: "nothing",
    limit: "nothing",
    follow: "nothing",
  },
  // The named secret is sent to the registry, so stored_registries.ts checks the right to read it.
  "put /v1/admin/registries": {
    match: "nothing",
    secret: "by the handler",
    username: "nothing",
    password: "nothing",
    token: "nothing",
  },
  "delete /v1/admin/registries": { match: "nothing" },
  "post /v1/namespaces/{namespace}/services/{name}/actions/scale": { scale: "nothing", gradual: "nothing" },
  "post /v1/namespaces/{namespace}/services/{name}/actions/rollback": { toGeneration: "by the handler" },
  "post /v1/namespaces/{namespace}/volumes/{name}/actions/resize": { size: "nothing" },
  "post /v1/namespaces/{namespace}/volumes/{name}/actions/undelete": { id: "nothing" },
  "get /v1/namespaces/{namespace}/services/{name}/logs": LOGS,
  "get /v1/namespaces/{namespace}/instances/{name}/logs": LOGS,
  "get /v1/usage/instances": { namespace: "nothing" },
};

/** The names of a route's parameters; `*` for a body that is a declaration. */
export function parametersOf({ query, body }: Pick<Route, "query" | "body">): string[] {
  return [...Object.keys(query?.shape ?? {}), ...fieldsOf(body)];
}

function fieldsOf(body: z.ZodType | undefined): string[] {
  if (body === undefined) return [];
  if (body instanceof z.ZodObject) return Object.keys(body.shape);
  // Other schemas hide their fields. No row has this name, so the route is refused.
  return body instanceof z.ZodRecord ? ["*"] : ["?"];
}

/** The rules of a route; for routes of a kind they follow from the method. */
function rowsOf({ method, path }: Pick<Route, "method" | "path">): Rows {
  const own = TABLE[`${method} ${path}`];
  if (own) return own;
  if (method === "get") return SELECTORS;
  return method === "delete" ? DELETION : DECLARATION;
}

/** The rule of a parameter, or undefined if it has none. */
export function parameterRule(
  route: Pick<Route, "method" | "path">,
  name: string,
): ParameterRule | undefined {
  const rows = rowsOf(route);
  return Object.hasOwn(rows, name) ? rows[name] : undefined;
}

/**
 * Requires the rights for all parameters of a validated request.
 *
 * @param options.input the query and the body, merged.
 * @throws {RuneError} `permission_denied`.
 */
export function permitParameters(
  permit: Permit,
  route: Route,
  { input }: { input: Record<string, unknown> },
): void {
  for (const name of parametersOf(route)) {
    const rule = parameterRule(route, name);
    if (rule === undefined) {
      throw new RuneError("permission_denied", `no rule permits ${name} of ${route.method} ${route.path}`, {
        hint: "this is a bug in rune: the parameter has no rule in server/auth/parameters.ts",
      });
    }
    if (typeof rule !== "function") continue;
    for (const permission of rule(input as never)) permit(permission);
  }
}
