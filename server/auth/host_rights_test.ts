/** Grants and privileges for host access, on the real accounts of this machine. @module */
import assert from "node:assert/strict";
import { noRoot } from "../../tests/skips.ts";
import type { Service } from "../../model/service.ts";
import { okJson } from "../api/server_fixture.ts";
import { grantsSection } from "./grants.ts";
import { textsAsWritten } from "../../model/text_fields.ts";
import { type GuardedServer, withGuard } from "./auth_fixture.ts";

const ignore = noRoot;
const SERVICE = "/v1/namespaces/shop/services/x";
const PROCESS = { process: { command: "/bin/sleep", args: ["1"] } };
const runAs = (user: unknown, group?: unknown) => ({
  ...PROCESS,
  securityContext: { user, ...(group !== undefined && { group }) },
});
const image = "busybox:1";
const publish = (hostPort: number) => ({ image, expose: { port: 80, hostPort } });

/** Grants as the runefile writes them. */
const readGrants = (grants: unknown) => grantsSection.parse(textsAsWritten(grants, grantsSection));

/** A server with the runefile's `grants`, and a service account that may cast in `shop`. */
function withGrants(
  grants: Record<string, unknown>,
  test: (server: GuardedServer & { token: string }) => Promise<void>,
): Promise<void> {
  return withGuard(async (server) => {
    server.deps.grants = readGrants(grants);
    await test({ ...server, token: await server.someone("ci", ["cast"], "shop") });
  });
}

/** What a service uses, the grant that permits it, and the line that the refusal suggests. */
const WANTS: [what: string, spec: object, grant: object, hint: RegExp][] = [
  [
    "an account by name",
    runAs("nobody"),
    { users: ["nobody"] },
    /grants: \{ shop: \{ users: \[nobody\] \} \}/,
  ],
  ["an account by number", runAs(65534), { users: ["nobody"] }, /users: \[65534\]/],
  [
    "an account that no file knows",
    runAs(54321, 54321),
    { users: [54321], groups: [54321] },
    /users: \[54321\]/,
  ],
  ["the group disk", runAs("dynamic", "disk"), { groups: ["disk"] }, /groups: \[disk\]/],
  ["the group disk by number", runAs("dynamic", 6), { groups: ["disk"] }, /groups: \[6\]/],
  [
    "a group beside a granted user",
    runAs("nobody", "shadow"),
    { users: ["nobody"], groups: ["shadow"] },
    /users/,
  ],
  ["port 22", publish(22), { hostPorts: [22] }, /hostPorts: \[22\]/],
  ["port 80, not named", { image, expose: { port: 80 } }, { hostPorts: ["79-81"] }, /hostPorts: \[80\]/],
  [
    "a process on a low port",
    { ...runAs("dynamic"), ports: [{ name: "a", port: 25 }], expose: { port: "a" } },
    { hostPorts: [25] },
    /hostPorts: \[25\]/,
  ],
  [
    "a seccomp file",
    { image, securityContext: { seccompProfile: "/srv/open.json" } },
    { seccompProfiles: ["/srv/open.json"] },
    /seccompProfiles: \[\/srv\/open\.json\]/,
  ],
];

for (const [what, spec, grant, hint] of WANTS) {
  Deno.test({
    name: `a service may use ${what} with a grant or services.privileged; a refusal says which line to add`,
    ignore,
    fn: () =>
      withGrants({}, async ({ as, token, root, deps }) => {
        const refused = await as(token, "PUT", SERVICE, spec);
        const problem = await refused.json();
        assert.equal(refused.status, 403, JSON.stringify(problem));
        assert.match(problem.hint, hint);
        assert.match(problem.hint, /services\.privileged/);
        for (const namespace of ["shop", "*"]) {
          deps.grants = readGrants({ [namespace]: grant });
          const granted = await as(token, "PUT", SERVICE, spec);
          assert.ok(granted.status <= 201, await granted.text());
        }
        deps.grants = readGrants({ other: grant });
        assert.equal((await as(token, "PUT", SERVICE, spec)).status, 403, "a grant of another namespace");
        assert.equal((await as(root, "PUT", SERVICE, spec)).status, 200);
      }),
  });
}

Deno.test({
  name: "a service that runs as root, by any name, requires services.privileged, and no grant helps",
  ignore,
  fn: () =>
    withGrants({ shop: { users: ["nobody"], groups: ["disk", 0], seccompProfiles: ["/a"] } }, async (s) => {
      const root = [
        PROCESS,
        runAs(0),
        runAs("0"),
        runAs("root"),
        { ...PROCESS, securityContext: { group: "disk" } },
        { ...PROCESS, securityContext: { user: "dynamic", capabilities: ["SYS_ADMIN"] } },
        { image, securityContext: { privileged: true } },
        { image, securityContext: { capAdd: ["SYS_ADMIN"] } },
        { image, securityContext: { seccompProfile: "unconfined" } },
      ];
      for (const spec of root) {
        const answer = await s.as(s.token, "PUT", SERVICE, spec);
        const { detail, hint } = await answer.json();
        assert.equal(answer.status, 403, JSON.stringify(spec));
        assert.match(detail, /services\.privileged/);
        assert.match(hint, /let an administrator give/);
      }
      for (const user of ["00", "+0", "0x0", 4294967295, "4294967296", "8589934592"]) {
        assert.equal((await s.as(s.root, "PUT", SERVICE, runAs(user))).status, 400, `${user}`);
      }
    }),
});

Deno.test({
  name: "the user inside a container and ports from 1024 require no grant",
  ignore,
  fn: () =>
    withGrants({}, async ({ as, token }) => {
      for (
        const spec of [
          { image, securityContext: { user: "postgres" } },
          { image, securityContext: { user: 0, group: 0 } },
          { image, securityContext: { seccompProfile: "runtime/default", capDrop: ["ALL"] } },
          publish(1024),
          { image, ports: [{ port: 22 }], expose: { port: 22, host: "a.local" } },
        ]
      ) {
        const answer = await as(token, "PUT", SERVICE, spec);
        assert.ok(answer.status <= 201, await answer.text());
      }
      const dynamic = await as(token, "PUT", SERVICE, { image, securityContext: { user: "dynamic" } });
      assert.match(await dynamic.text(), /dynamic is for processes/);
    }),
});

Deno.test({
  name: "a rollback requires the grant again, scaling does not",
  ignore,
  fn: () =>
    withGrants({ shop: { users: ["nobody"] } }, async ({ as, token, deps }) => {
      await okJson(as(token, "PUT", SERVICE, runAs("nobody")), 201);
      await okJson(as(token, "PUT", SERVICE, runAs("dynamic")));
      deps.grants = {};
      await okJson(as(token, "POST", `${SERVICE}/actions/scale`, { scale: 2 }));
      const back = await as(token, "POST", `${SERVICE}/actions/rollback`, { toGeneration: 1 });
      assert.match(await back.text(), /users: \[nobody\]/);
      assert.equal(back.status, 403);
      deps.grants = readGrants({ shop: { users: ["nobody"] } });
      const service: Service = await okJson(
        as(token, "POST", `${SERVICE}/actions/rollback`, { toGeneration: 1 }),
      );
      assert.equal(service.spec.identity?.user, 65534);
      deps.grants = {};
      await okJson(as(token, "POST", `${SERVICE}/actions/stop`), 200);
    }),
});
