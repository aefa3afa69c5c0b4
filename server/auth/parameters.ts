/**
 * What each parameter of each route asks for beyond the route itself. A parameter that gives more than its route does has a
 * right of its own here. One without a row is answered to nobody, and a test walks all routes for it.
 * @module
 */
import { z } from "zod";
import type { BackupRequest } from "../../model/api.ts";
import { RuneError } from "../../model/error.ts";
import type { Ask, Permit } from "./authority.ts";
import type { Route } from "./route.ts";

/** What a parameter asks for, judged on the checked request. */
export type ParameterRule<Input = never> =
  /** Nothing: it selects, narrows, or says how. */
  | "nothing"
  /** The handler, or `extraVerbs()` of access.ts, asks for each thing that it names. */
  | "asked there"
  /** These rights. */
  | ((input: Input) => Ask[]);

/** Rows of one route: its query's parameters and the fields of its body. `*` is a body whose fields are a declaration. */
type Rows = Record<string, ParameterRule>;

const SELECTORS: Rows = {
  labelSelector: "nothing",
  fieldSelector: "nothing",
  limit: "nothing",
  continue: "nothing",
  since: "nothing",
  watch: "asked there",
};
/** `now` destroys what `delete` else only hides for a day: the right to delete is the right to destroy. */
const DELETION: Rows = { cascade: "asked there", now: "nothing" };
const DECLARATION: Rows = { "*": "asked there" };
const LOGS: Rows = {
  follow: "nothing",
  tail: "nothing",
  since: "nothing",
  until: "nothing",
  previous: "nothing",
  initStep: "nothing",
};

const inNamespaceOf = (volume: string, ask: Omit<Ask, "namespace">): Ask => ({
  ...ask,
  namespace: volume.slice(0, volume.indexOf("/")),
});

/** The state itself is `create backup`: every resource, its history, and secrets as ciphertext. A new field does not compile. */
const BACKUP: Record<keyof BackupRequest, ParameterRule<BackupRequest>> = {
  // Whoever has state and key reads every secret: `admin` must not.
  withKek: ({ withKek }) => withKek ? [{ resource: "kek", verb: "get", namespace: "" }] : [],
  // Reading a volume is what mounting it read-only takes; a snapshot of it pauses those who write.
  volumes: ({ volumes, snapshots = true }) =>
    volumes.flatMap((volume) => [
      inNamespaceOf(volume, { resource: "volumes", verb: "get" }),
      ...snapshots ? [inNamespaceOf(volume, { resource: "snapshots", verb: "create" })] : [],
    ]),
  snapshots: "nothing",
};

const TABLE: Record<string, Rows> = {
  "post /v1/admin/backup": BACKUP,
  // Both are words about the one thing that the route asks for.
  "post /v1/admin/adopt-engine": { containersAreGone: "nothing", takeOver: "nothing" },
  // An image is no secret from who may run it.
  "post /v1/images/describe": { images: "nothing" },
  "post /v1/cast": { resources: "asked there", force: "nothing", dryRun: "nothing" },
  // Nobody hands on more than they have: identities.ts.
  "post /v1/admin/users": { name: "nothing", description: "nothing", policies: "asked there" },
  "post /v1/admin/services": {
    name: "nothing",
    description: "nothing",
    namespace: "nothing",
    policies: "asked there",
  },
  "put /v1/admin/users/{name}/policies": { policies: "asked there" },
  "post /v1/admin/tokens": { user: "asked there", description: "nothing", expiresIn: "nothing" },
  "post /v1/admin/policies": { name: "nothing", description: "nothing", rules: "asked there" },
  "put /v1/admin/policies/{name}": { description: "nothing", rules: "asked there" },
  "get /v1/admin/audit": {
    since: "nothing",
    user: "nothing",
    denied: "nothing",
    limit: "nothing",
    follow: "nothing",
  },
  // A secret that is named is sent to the registry: stored_registries.ts asks for the right to read it.
  "put /v1/admin/registries": {
    match: "nothing",
    secret: "asked there",
    username: "nothing",
    password: "nothing",
    token: "nothing",
  },
  "delete /v1/admin/registries": { match: "nothing" },
  "post /v1/namespaces/{namespace}/services/{name}/actions/scale": { scale: "nothing", gradual: "nothing" },
  "post /v1/namespaces/{namespace}/services/{name}/actions/rollback": { toGeneration: "asked there" },
  "post /v1/namespaces/{namespace}/volumes/{name}/actions/resize": { size: "nothing" },
  "post /v1/namespaces/{namespace}/volumes/{name}/actions/undelete": { id: "nothing" },
  "get /v1/namespaces/{namespace}/services/{name}/logs": LOGS,
  "get /v1/namespaces/{namespace}/instances/{name}/logs": LOGS,
  "get /v1/usage/instances": { namespace: "nothing" },
};

/** Names of the parameters that a route takes; `*` for a body that is a declaration. */
export function parametersOf({ query, body }: Pick<Route, "query" | "body">): string[] {
  return [...Object.keys(query?.shape ?? {}), ...fieldsOf(body)];
}

function fieldsOf(body: z.ZodType | undefined): string[] {
  if (body === undefined) return [];
  if (body instanceof z.ZodObject) return Object.keys(body.shape);
  // Anything else hides its fields, and no row has this name.
  return body instanceof z.ZodRecord ? ["*"] : ["?"];
}

/** The rows of a route; those of kinds follow from the method. */
function rowsOf({ method, path }: Pick<Route, "method" | "path">): Rows {
  const own = TABLE[`${method} ${path}`];
  if (own) return own;
  if (method === "get") return SELECTORS;
  return method === "delete" ? DELETION : DECLARATION;
}

/** What a parameter of a route asks for; undefined where nobody has decided. */
export function parameterRule(
  route: Pick<Route, "method" | "path">,
  name: string,
): ParameterRule | undefined {
  const rows = rowsOf(route);
  return Object.hasOwn(rows, name) ? rows[name] : undefined;
}

/**
 * Asks for everything that the parameters of a checked request take.
 *
 * @param options.input query and body, together.
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
      throw new RuneError("permission_denied", `nobody may give ${name} to ${route.method} ${route.path}`, {
        hint: "this is a fault in rune: the parameter has no rule in server/auth/parameters.ts",
      });
    }
    if (typeof rule !== "function") continue;
    for (const ask of rule(input as never)) permit(ask);
  }
}
