/** Tries every route as every role in every namespace. A route without a row here fails. @module */
import assert from "node:assert/strict";
import { endpoints } from "../api/app.ts";
import { withGuard } from "./auth_fixture.ts";

/**
 * The verb and the resource that a route requires; `-` for routes with another rule. With `everywhere` the
 * right to one namespace is not enough.
 */
const ROUTES: Record<string, string> = {
  "get /healthz": "- anyone",
  "get /v1/version": "- anyone",
  "post /v1/auth/bootstrap": "- anyone",
  "get /v1/status": "- authenticated",
  "get /v1/auth/whoami": "- authenticated",
  "post /v1/cast": "create configmaps",
  "get /v1/admin/users": "list users",
  "post /v1/admin/users": "create users",
  "post /v1/admin/services": "create users",
  "put /v1/admin/users/{name}/policies": "update users",
  "delete /v1/admin/users/{name}": "delete users",
  "get /v1/admin/tokens": "list tokens",
  "post /v1/admin/tokens": "create tokens",
  "delete /v1/admin/tokens/{name}": "delete tokens",
  "get /v1/admin/policies": "list policies",
  "post /v1/admin/policies": "create policies",
  "put /v1/admin/policies/{name}": "update policies",
  "delete /v1/admin/policies/{name}": "delete policies",
  "get /v1/admin/registries": "list registries",
  "put /v1/admin/registries": "update registries",
  "delete /v1/admin/registries": "delete registries",
  "post /v1/admin/adopt-engine": "update engine",
  "post /v1/images/describe": "create services",
  "post /v1/admin/rotate-kek": "update kek",
  "get /v1/admin/audit": "get audit",
  "get /metrics": "- authenticated",
  "post /v1/admin/backup": "create backup",
  "post /v1/namespaces/{namespace}/services/{name}/actions/scale": "scale services",
  "post /v1/namespaces/{namespace}/services/{name}/actions/stop": "scale services",
  "post /v1/namespaces/{namespace}/services/{name}/actions/restart": "update services",
  "get /v1/namespaces/{namespace}/services/{name}/history": "get services",
  "post /v1/namespaces/{namespace}/services/{name}/actions/rollback": "update services",
  "get /v1/namespaces/{namespace}/services/{name}/health": "get services",
  "get /v1/namespaces/{namespace}/instances/{name}/health": "get instances",
  "post /v1/namespaces/{namespace}/volumes/{name}/actions/resize": "update volumes",
  "get /v1/namespaces/{namespace}/volumes/{name}/usage": "get volumes",
  "get /v1/namespaces/{namespace}/trash": "list volumes",
  "get /v1/trash": "list volumes",
  "get /v1/volumes/orphans": "list volumes everywhere",
  "post /v1/namespaces/{namespace}/volumes/{name}/actions/undelete": "create volumes",
  "get /v1/usage/instances": "list instances",
  "post /v1/namespaces/{namespace}/volumes/{name}/actions/detach": "update volumes",
  "post /v1/namespaces/{namespace}/volumes/{name}/actions/retry-provision": "update volumes",
  "post /v1/storageclasses/{name}/actions/set-default": "update storageclasses",
  "get /v1/namespaces/{namespace}/services/{name}/logs": "get services",
  "get /v1/namespaces/{namespace}/instances/{name}/logs": "get instances",
  "get /v1/namespaces/{namespace}/services/{name}/exec": "exec services",
  "get /v1/namespaces/{namespace}/instances/{name}/exec": "exec instances",
};
for (const plural of ["secrets", "configmaps", "volumes", "snapshots", "services", "instances", "events"]) {
  ROUTES[`get /v1/${plural}`] = `list ${plural}`;
  ROUTES[`get /v1/namespaces/{namespace}/${plural}`] = `list ${plural}`;
  ROUTES[`get /v1/namespaces/{namespace}/${plural}/{name}`] = `get ${plural}`;
  if (plural === "instances" || plural === "events") continue;
  ROUTES[`post /v1/namespaces/{namespace}/${plural}`] = `create ${plural}`;
  ROUTES[`put /v1/namespaces/{namespace}/${plural}/{name}`] = `create ${plural}`;
  ROUTES[`delete /v1/namespaces/{namespace}/${plural}/{name}`] = `delete ${plural}`;
}
for (const plural of ["namespaces", "storageclasses"]) {
  ROUTES[`get /v1/${plural}`] = `list ${plural}`;
  ROUTES[`get /v1/${plural}/{name}`] = `get ${plural}`;
  ROUTES[`post /v1/${plural}`] = `create ${plural}`;
  ROUTES[`put /v1/${plural}/{name}`] = `create ${plural}`;
  ROUTES[`delete /v1/${plural}/{name}`] = `delete ${plural}`;
}

const READ = ["get", "list", "watch"];
const IDENTITY = ["users", "tokens", "policies", "audit", "registries"];
const OUTSIDE = ["storageclasses", "kek", "backup", "engine", ...IDENTITY];

/** What each role may do, written independently of the policies. `anywhere` is a list over all namespaces. */
const ROLES: Record<string, (verb: string, resource: string, where: string) => boolean> = {
  root: () => true,
  admin: (_, resource) => resource !== "kek",
  readwrite: (verb, resource) =>
    !IDENTITY.includes(resource) && !["kek", "backup", "engine"].includes(resource) &&
    (READ.includes(verb) || !["storageclasses", "events"].includes(resource)),
  readonly: (verb, resource) =>
    READ.includes(verb) && !IDENTITY.includes(resource) && !["kek", "backup", "engine"].includes(resource),
  cast: (verb, resource) => ROLES.readwrite!(verb, resource, "") && verb !== "delete" && verb !== "exec",
  pinned: (verb, resource, where) =>
    ROLES.readwrite!(verb, resource, "") && !OUTSIDE.includes(resource) &&
    ["prod", "anywhere"].includes(where),
  watcher: (verb, resource, where) => verb === "exec" && resource === "services" && where === "prod",
};

const BODIES: Record<string, Record<string, unknown>> = {
  services: { image: "busybox:1" },
  volumes: { size: "1Gi", accessMode: "ReadWriteOnce" },
  snapshots: { source: { volume: "v" } },
  storageclasses: { driver: "local" },
};

Deno.test("every route permits exactly whom it should, in each namespace", () =>
  withGuard(async ({ deps, root, as, someone, send }) => {
    const tokens: Record<string, string> = { root };
    for (const role of ["admin", "readwrite", "readonly", "cast"]) tokens[role] = await someone(role, [role]);
    tokens.pinned = await someone("pinned", ["readwrite"], "prod");
    const rules = [{ resource: "services", verbs: ["exec"], namespace: "prod" }];
    await as(root, "PUT", "/v1/admin/policies/runs", { rules });
    tokens.watcher = await someone("watcher", ["runs"]);

    const routes = endpoints(deps);
    assert.deepEqual(routes.map((r) => `${r.method} ${r.path}`).filter((r) => !(r in ROUTES)), []);
    for (const { method, path, body: schema } of routes) {
      const [verb, resource, reach] = ROUTES[`${method} ${path}`]!.split(" ") as [string, string, string?];
      const namespaces = path.includes("{namespace}") || resource === "namespaces" || path === "/v1/cast";
      for (const namespace of namespaces ? ["prod", "other"] : ["prod"]) {
        const name = resource === "namespaces" ? namespace : "nobody0";
        const url = path.replace("{namespace}", namespace).replace("{name}", name);
        const own = path.includes("{name}") || method === "get" ? {} : { name };
        const configmap = { kind: "configmap", body: { name: "c", namespace } };
        const body = schema === undefined
          ? undefined
          : path === "/v1/cast"
          ? { resources: [configmap], dryRun: true }
          : { ...own, ...BODIES[resource] };
        const listed = verb === "list" && !path.includes("{") && !OUTSIDE.includes(resource);
        for (const [role, token] of Object.entries(tokens)) {
          const where = reach ?? (listed ? "anywhere" : namespace);
          const may = verb === "-" || ROLES[role]!(verb, resource, where);
          const answer = await as(token, method.toUpperCase(), url, body);
          const text = await answer.text();
          const denied = answer.status === 403;
          assert.equal(denied, !may, `${role} ${method} ${url}: ${answer.status} ${text}`);
          if (denied) assert.equal(JSON.parse(text).code, "permission_denied");
        }
        const stranger = await send(method.toUpperCase(), url, body);
        await stranger.body?.cancel();
        assert.equal(stranger.status === 401, resource !== "anyone", `a stranger, ${method} ${url}`);
      }
    }
  }));

Deno.test("extra verbs: privileged containers, processes as root, the default class, cascades, watches", () =>
  withGuard(async ({ root, as, someone }) => {
    const token = await someone("dev", ["readwrite"]);
    const admin = await someone("boss", ["admin"]);
    const services = "/v1/namespaces/default/services";
    await as(root, "PUT", "/v1/admin/policies/classes", {
      rules: [
        { resource: "storageclasses", verbs: ["create", "update"] },
        { resource: "volumes", verbs: ["list"] },
        { resource: "services", verbs: ["delete"] },
      ],
    });
    const limited = await someone("limited", ["classes"]);
    const process = { command: "sleep", args: ["1"] };
    const cases: [token: string, method: string, path: string, body: unknown, missing: string][] = [
      [
        token,
        "PUT",
        `${services}/a`,
        { image: "a:1", securityContext: { privileged: true } },
        "services.privileged",
      ],
      [
        token,
        "PUT",
        `${services}/a`,
        { image: "a:1", securityContext: { capAdd: ["SYS_ADMIN"] } },
        "services.privileged",
      ],
      [token, "PUT", `${services}/a`, { process }, "services.privileged"],
      [token, "PUT", `${services}/a`, { process, securityContext: { user: "0" } }, "services.privileged"],
      [
        limited,
        "PUT",
        "/v1/storageclasses/x",
        { driver: "local", default: true },
        "storageclasses.set-default",
      ],
      [
        limited,
        "POST",
        "/v1/storageclasses/local/actions/set-default",
        undefined,
        "storageclasses.set-default",
      ],
      [limited, "DELETE", `${services}/a?cascade=true`, undefined, "volumes.cascade"],
      [limited, "DELETE", `${services}/a?cascade=false&cascade=true`, undefined, "volumes.cascade"],
      [limited, "GET", "/v1/namespaces/default/volumes?watch=true", undefined, "watch volumes"],
      [limited, "GET", "/v1/volumes?watch=true", undefined, "watch volumes"],
    ];
    for (const [who, method, path, body, missing] of cases) {
      const answer = await as(who, method, path, body);
      const { code, detail } = await answer.json();
      assert.equal(code, "permission_denied", `${method} ${path}: ${detail}`);
      assert.ok(detail.includes(missing), detail);
      if (path.includes("watch=") || path.includes("cascade=false")) continue;
      const allowed = await as(admin, method, path, body);
      assert.notEqual(allowed.status, 403, `${method} ${path}`);
      await allowed.body?.cancel();
    }
    const unprivileged = { process, securityContext: { user: "dynamic" } };
    assert.equal((await as(token, "PUT", `${services}/b`, unprivileged)).status, 201);
  }));

Deno.test("references into another namespace take the right to what they reach there", () =>
  withGuard(async ({ root, as, someone }) => {
    const token = await someone("dev", ["readwrite"], "dev");
    const put = (kind: string, body: object) => as(token, "PUT", `/v1/namespaces/dev/${kind}/x`, body);
    const image = "a:1";
    const reaching: [string, object, string][] = [
      [
        "services",
        { image, env: { A: "{{ secret:db.prod.rune/password }}" } },
        "get secrets in namespace prod",
      ],
      ["volumes", {
        size: "1",
        accessMode: "ReadWriteOnce",
        parameters: { t: "secret:db.prod.rune/password" },
      }, "get secrets"],
      [
        "services",
        { image, volumes: [{ name: "d", mountPath: "/d", claim: { name: "pg.prod.rune" } }] },
        "update volumes",
      ],
      [
        "services",
        { image, volumes: [{ name: "d", mountPath: "/d", readOnly: true, claim: { name: "pg.prod.rune" } }] },
        "get volumes in namespace prod",
      ],
    ];
    for (const [kind, body, missing] of reaching) {
      const answer = await put(kind, body);
      const { detail } = await answer.json();
      assert.equal(answer.status, 403, `${missing}: ${detail}`);
      assert.ok(detail.includes(missing), detail);
      const allowed = await as(root, "PUT", `/v1/namespaces/dev/${kind}/y`, body);
      assert.notEqual(allowed.status, 403);
      await allowed.body?.cancel();
    }
    assert.equal((await put("services", { image, env: { A: "{{ secret:db/password }}" } })).status, 201);
  }));

Deno.test("lists, watches and the status show only what the caller may see", () =>
  withGuard(async ({ root, as, someone, deps }) => {
    for (const namespace of ["prod", "other"]) {
      await as(root, "PUT", `/v1/namespaces/${namespace}/configmaps/c`, { data: { a: "1" } });
    }
    const token = await someone("pinned", ["readonly"], "prod");
    const json = async (path: string) => await (await as(token, "GET", path)).json();
    const namesOf = ({ items }: { items: { namespace: string; name: string }[] }) =>
      items.map((r) => `${r.namespace}/${r.name}`);
    assert.deepEqual(namesOf(await json("/v1/configmaps")), ["prod/c"]);
    assert.deepEqual(namesOf(await json("/v1/namespaces")), ["/prod"]);
    const status = await json("/v1/status");
    assert.deepEqual(status.namespaces.map((n: { name: string }) => n.name), ["prod"]);
    const stream = await as(token, "GET", "/v1/configmaps?watch=true");
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const until = async (wanted: string) => {
      while (!text.includes(wanted)) text += (await reader.read()).value ?? "";
    };
    await until("event: sync");
    await as(root, "PUT", "/v1/namespaces/other/configmaps/hidden", {});
    await as(root, "PUT", "/v1/namespaces/prod/configmaps/shown", {});
    await until('"shown"');
    assert.equal(text.includes('"other"'), false);
    await reader.cancel();
    assert.ok(deps.store.get("configmap", "other", "hidden"));
  }));
