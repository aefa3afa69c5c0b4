/** Checks each cell of the table in docs/security.md that says what each policy permits. @module */
import assert from "node:assert/strict";
import { makeDriverSettings } from "../../drivers/testing/settings.ts";
import { noRoot } from "../../tests/skips.ts";
import { okJson } from "../api/server_fixture.ts";
import { buildDrivers } from "../../drivers/registry.ts";
import { grantOf, type Grants, grantsSection } from "./grants.ts";
import { nodeDrivers } from "../../node/testing/drivers.ts";
import { makeNodes } from "../../node/testing/partial_nodes.ts";
import { type GuardedServer, withGuard } from "./auth_fixture.ts";

const IMAGE = { image: "busybox:1" };
const SIZE = { size: "1Gi", accessMode: "ReadWriteOnce" };
const PROCESS = { process: { command: "/bin/sleep", args: ["1"] } };
const SHOP = "/v1/namespaces/shop";

interface Attempt {
  method: string;
  path: string;
  body?: unknown;
  /** The grants that the runefile needs for a cell with `granted`. */
  grant?: Record<string, unknown>;
  /** Statuses that refuse the right; by default 403. */
  refusals?: number[];
}

const service = (body: object, grant?: Record<string, unknown>): Attempt => ({
  ...{ method: "PUT", path: `${SHOP}/services/x`, body },
  ...(grant && { grant }),
});
const makeSecured = (securityContext: object, grant?: Record<string, unknown>) =>
  service({ ...IMAGE, securityContext }, grant);
const runAs = (securityContext: object, grant?: Record<string, unknown>) =>
  service({ ...PROCESS, securityContext }, grant);
const publish = (hostPort: number, grant?: Record<string, unknown>) =>
  service({ ...IMAGE, expose: { port: 80, hostPort } }, grant);
const admin = (path: string, body: unknown, method = "POST"): Attempt => ({
  ...{ method, path: `/v1/admin/${path}`, body },
});

/** The request that tests each row of the table. */
function attempts({ hostDir, deps }: GuardedServer): Record<string, Attempt> {
  const directory = (hostPath: string): Attempt => ({
    ...{
      method: "PUT",
      path: `${SHOP}/volumes/host`,
      refusals: [403, 400],
      grant: { hostPaths: [hostDir, "/"] },
    },
    body: { ...SIZE, storageClassName: "local-host", parameters: { hostPath } },
  });
  return {
    "be root on the host, by a process": service(PROCESS, { users: ["nobody"], groups: ["root"] }),
    "keep capabilities, by a process": runAs({ user: "dynamic", capabilities: ["NET_ADMIN"] }),
    "be another account of the host, by a process": runAs({ user: "nobody" }, { users: ["nobody"] }),
    "take a group of the host, by a process": runAs({ user: "dynamic", group: "disk" }, { groups: ["disk"] }),
    "have an id of its own (`user: dynamic`), by a process": runAs({ user: "dynamic" }),
    "run a privileged container": makeSecured({ privileged: true }),
    "add capabilities to a container": makeSecured({ capAdd: ["NET_ADMIN"] }),
    "run a container without seccomp": makeSecured({ seccompProfile: "unconfined" }),
    "use a seccomp profile from a file": makeSecured({ seccompProfile: "/srv/a.json" }, {
      seccompProfiles: ["/srv/a.json"],
    }),
    "mount a directory of the host": directory(`${hostDir}/data`),
    "mount the data directory of Rune": directory(`${deps.info.dataDir}/data`),
    "take a port below 1024": publish(25, { hostPorts: [25] }),
    "take another free port": publish(8123),
    "use a secret of another namespace": service({ ...IMAGE, env: { A: "{{ secret:there.prod.rune/k }}" } }),
    "write a volume of another namespace": service({
      ...IMAGE,
      volumes: [{ name: "d", mountPath: "/d", claim: { name: "there.prod.rune" } }],
    }),
    "restore a snapshot of another namespace": {
      ...{ method: "PUT", path: `${SHOP}/volumes/restored` },
      body: { ...SIZE, source: { snapshot: "there", namespace: "prod" } },
    },
    "depend on a service of another namespace": service({
      ...IMAGE,
      dependencies: [{ name: "there.prod.rune" }],
    }),
    "list what another namespace has": { method: "GET", path: "/v1/namespaces/prod/services" },
    // The request is no WebSocket: a permitted caller gets the answer that one is needed.
    "run a command in a service": { method: "GET", path: `${SHOP}/services/x/exec` },
    "delete the volumes of a service with it": {
      ...{ method: "DELETE", path: `${SHOP}/services/nobody0?cascade=true` },
    },
    "make a storage class": { method: "PUT", path: "/v1/storageclasses/k", body: { driver: "local" } },
    "make users, policies and tokens": admin("policies/p", {
      rules: [{ resource: "services", verbs: ["get"], namespace: "shop" }],
    }, "PUT"),
    "set the credentials of registries": admin("registries", { match: "a.example", token: "t" }, "PUT"),
    "read the audit log": { method: "GET", path: "/v1/admin/audit" },
    "make a backup, with the data of volumes": admin("backup", {
      volumes: ["prod/nowhere"],
      snapshots: false,
    }),
    "make a backup with the key of the secrets": admin("backup", { withKek: true }),
    "rotate the key of the secrets": admin("rotate-kek", undefined),
  };
}

/** A token for each column of the table. */
async function accounts({ root, someone }: GuardedServer): Promise<Record<string, string>> {
  const tokens: Record<string, string> = { root };
  for (const policy of ["admin", "readwrite", "readonly", "cast"]) {
    tokens[policy] = await someone(`u-${policy}`, [policy]);
  }
  for (const policy of ["cast", "admin"]) {
    tokens[`${policy} in one namespace`] = await someone(`s-${policy}`, [policy], "shop");
  }
  return tokens;
}

/** The rows of the table that starts with this title, as lists of cells, the titles first. */
function tableOf(page: string, title: string): string[][] {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => new RegExp(`^\\| ${title} +\\|`).test(line));
  const end = lines.findIndex((line, i) => i > start && !line.startsWith("|"));
  return lines.slice(start, end).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    .filter((row) => !/^-+$/.test(row[0]!));
}

Deno.test({
  name: "docs/security.md says what each policy permits, as the daemon does",
  ignore: noRoot,
  fn: () =>
    withGuard(async (server) => {
      const { as, root, deps } = server;
      const page = await Deno.readTextFile(new URL("../../docs/security.md", import.meta.url));
      const [titles, ...rows] = tableOf(page, "what");
      const columns = titles!.slice(1).map((title) => title.replaceAll("`", ""));
      const tokens = await accounts(server);
      assert.deepEqual(columns, Object.keys(tokens));
      const tried = attempts(server);
      assert.deepEqual(rows.map(([what]) => what), Object.keys(tried));
      const storage = makeDriverSettings(deps.info.dataDir, { allowCreateMissing: true });
      await neighbour(as, root);
      const allows = async (
        { method, path, body, refusals = [403] }: Attempt,
        token: string,
        grants: Grants,
      ) => {
        deps.grants = grants;
        const built = buildDrivers(storage, {
          dataDir: `${deps.info.dataDir}/data`,
          grantedPaths: (namespace) => grantOf(grants, namespace).hostPaths,
        });
        const drivers = nodeDrivers([...built.all.values()]);
        Object.assign(deps, { drivers, nodes: makeNodes({ drivers }) });
        const answer = await as(token, method, path, body);
        await answer.body?.cancel();
        assert.ok(answer.status < 500, `${method} ${path}: ${answer.status}`);
        // Each attempt starts from scratch: an existing resource would require other rights.
        if (path.endsWith("/volumes/host") && answer.status < 300) {
          await deps.store.transact((tx) => tx.remove({ kind: "volume", namespace: "shop", name: "host" }));
        }
        return !refusals.includes(answer.status);
      };
      for (const [what, ...cells] of rows) {
        const attempt = tried[what!]!;
        const granted = grantsSection.parse(attempt.grant ? { shop: attempt.grant } : {});
        for (const [i, cell] of cells.entries()) {
          const column = columns[i]!;
          const token = tokens[column]!;
          const [without, having] = [
            await allows(attempt, token, {}),
            await allows(attempt, token, granted),
          ];
          const found = without ? "yes" : having ? "granted" : "no";
          assert.equal(found, cell, `${column}: ${what}`);
        }
      }
    }),
});

/** A neighbour with resources that others may want. */
async function neighbour(as: GuardedServer["as"], root: string): Promise<void> {
  const bodies: [string, object][] = [
    ["secret", { data: { k: "v" } }],
    ["volume", SIZE],
    ["snapshot", { source: { volume: "there" } }],
    ["service", IMAGE],
  ];
  const resources = bodies.map(([kind, body]) => ({
    kind,
    body: { name: "there", namespace: "prod", ...body },
  }));
  await okJson(as(root, "POST", "/v1/cast", { resources }));
  await okJson(as(root, "PUT", `${SHOP}/services/x`, IMAGE), 201);
}
