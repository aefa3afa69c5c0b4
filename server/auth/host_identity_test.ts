import assert from "node:assert/strict";
import { noRoot } from "../../tests/skips.ts";
import { templateOf } from "../../model/instance.ts";
import type { Service } from "../../model/service.ts";
import { isPrivileged } from "./host_rights.ts";
import { okJson, problemOf, process, type TestServer, withServer } from "../api/server_fixture.ts";
import { readHostAccounts } from "./host_accounts.ts";
import { DYNAMIC_IDS, resolveIdentity } from "./host_identity.ts";

const ignore = noRoot;
const runAs = (name: string, user: unknown, more: object = {}) =>
  process(name, { securityContext: { user, ...more } });
const readStored = ({ store }: TestServer, name: string): Service => store.get("service", "default", name)!;
/** Removes the numbers from a stored service, as an earlier version stored it. */
const forget = ({ store }: TestServer, name: string) =>
  store.transact((tx) => {
    const service = tx.get("service", "default", name)!;
    const { identity: _, ...spec } = service.spec;
    tx.update(service, { spec });
  });

Deno.test({
  name: "a cast stores the identity of a process as numbers, and a repeated cast changes nothing",
  ignore,
  fn: () =>
    withServer(async (server) => {
      await okJson(
        server.cast([
          runAs("a", "nobody"),
          runAs("b", 65534, { group: "disk" }),
          runAs("c", 54321, { group: 6 }),
        ]),
      );
      assert.deepEqual(readStored(server, "a").spec.identity, { user: 65534, group: 65534, groups: [] });
      assert.deepEqual(readStored(server, "b").spec.identity, { user: 65534, group: 6, groups: [] });
      assert.deepEqual(readStored(server, "c").spec.identity, { user: 54321, group: 6, groups: [] });
      assert.deepEqual(
        templateOf(readStored(server, "a").spec).identity,
        readStored(server, "a").spec.identity,
      );
      const again = await okJson(server.cast([runAs("a", "nobody")]));
      assert.deepEqual([again.results[0].action, again.results[0].changes], ["unchanged", []]);
      const changed = await okJson(server.cast([runAs("a", "dynamic")]));
      assert.deepEqual(changed.results[0].changes, [{
        path: "securityContext.user",
        from: "nobody",
        to: "dynamic",
      }]);
      await problemOf(
        server.cast([process("d", { identity: { user: 0, group: 0, groups: [] } })]),
        "invalid_argument",
      );
    }),
});

Deno.test({
  name: "a cast with force looks up names again, and keeps a dynamic id",
  ignore,
  fn: () =>
    withServer(async (server) => {
      await okJson(server.cast([runAs("a", "nobody"), runAs("b", "dynamic")]));
      const dynamic = readStored(server, "b").spec.identity;
      // As if the account had had another number at that time.
      await server.store.transact((tx) => {
        const service = tx.get("service", "default", "a")!;
        tx.update(service, { spec: { ...service.spec, identity: { user: 7, group: 7, groups: [] } } });
      });
      await okJson(server.cast([runAs("a", "nobody")]));
      assert.equal(readStored(server, "a").spec.identity?.user, 7);
      await okJson(server.cast([runAs("a", "nobody"), runAs("b", "dynamic")], { force: true }));
      assert.equal(readStored(server, "a").spec.identity?.user, 65534);
      assert.deepEqual(readStored(server, "b").spec.identity, dynamic);
    }),
});

Deno.test({
  name: "a user or group that this host does not know is refused when it is cast",
  ignore,
  fn: () =>
    withServer(async ({ cast }) => {
      for (
        const [user, more, expected] of [
          ["nosuchuser", {}, /no user "nosuchuser".*user: dynamic/],
          ["nobody", { group: "nosuchgroup" }, /no group "nosuchgroup"/],
          [54321, {}, /set securityContext.group too/],
        ] as const
      ) {
        const { detail, hint } = await problemOf(cast([runAs("a", user, more)]), "invalid_argument");
        assert.match(`${detail} ${hint}`, expected);
      }
    }),
});

Deno.test({
  name: "user: dynamic gives each service its own id, which it keeps, and gets again when it is recreated",
  ignore,
  fn: () =>
    withServer(async (server) => {
      const names = Array.from({ length: 40 }, (_, i) => `s${i}`);
      await okJson(server.cast(names.map((name) => runAs(name, "dynamic"))));
      const accounts = readHostAccounts();
      const ids = names.map((name) => readStored(server, name).spec.identity!);
      assert.equal(new Set(ids.map((id) => id.user)).size, names.length);
      for (const { user, group, groups } of ids) {
        assert.ok(
          user >= DYNAMIC_IDS.first && user <= DYNAMIC_IDS.last && user === group && !accounts.has(user),
        );
        assert.deepEqual(groups, []);
      }
      await okJson(server.cast([process("s0", { securityContext: { user: "dynamic" }, scale: 3 })]));
      assert.deepEqual(readStored(server, "s0").spec.identity, ids[0]);
      await server.store.transact((tx) => tx.remove({ kind: "service", namespace: "default", name: "s0" }));
      await okJson(server.cast([runAs("s0", "dynamic")]));
      assert.deepEqual(readStored(server, "s0").spec.identity, ids[0]);
    }),
});

Deno.test({
  name:
    "user: dynamic avoids the ids of services, running instances and the host, and is refused when none is left",
  ignore,
  fn: () =>
    withServer(async (server) => {
      await okJson(server.cast([runAs("first", "dynamic"), runAs("second", "nobody")]));
      const { identity } = readStored(server, "first").spec;
      const world = { state: server.store, accounts: readHostAccounts(), root: true };
      const service = (name: string) => ({
        namespace: "default",
        name,
        spec: { ...readStored(server, "second").spec, securityContext: { user: "dynamic" } },
      });
      const settle = (name: string, more: Partial<typeof world> = {}) =>
        resolveIdentity(service(name), { before: undefined, world: { ...world, ...more } });
      // As if the host had all ids but one, and a service had that one.
      const but = (free: number) => ({ ...world.accounts, has: (id: number) => id !== free });
      assert.match(settle("x", { accounts: but(identity!.user) }).issues[0]!.message, /is taken/);
      assert.equal(settle("x", { accounts: but(65_000) }).identity?.user, 65_000);
      await server.store.transact((tx) => {
        const spec = {
          ...{
            service: "gone",
            serviceUid: "u",
            ordinal: 0,
            runner: "process" as const,
            serviceGeneration: 1,
          },
          template: {
            ...templateOf(readStored(server, "first").spec),
            identity: { user: 65_000, group: 65_000, groups: [] },
          },
        };
        const status = {
          ...{ state: "Running" as const, ready: true, run: 1, restarts: 0, crashes: 0, launchFailures: 0 },
        };
        tx.create({ kind: "instance", namespace: "default", name: "gone-0", spec, status });
      });
      assert.match(settle("x", { accounts: but(65_000) }).issues[0]!.message, /is taken/);
    }),
});

Deno.test({
  name: "a service that an earlier version stored without numbers gets them with its next change, not before",
  ignore,
  fn: () =>
    withServer(async (server) => {
      await okJson(server.cast([runAs("a", "nobody")]));
      await forget(server, "a");
      const before = readStored(server, "a");
      assert.equal(isPrivileged(before.spec), false);
      const again = await okJson(server.cast([runAs("a", "nobody")]));
      assert.equal(again.results[0].action, "unchanged");
      await okJson(server.send("POST", "/v1/namespaces/default/services/a/actions/scale", { scale: 2 }));
      assert.deepEqual(templateOf(readStored(server, "a").spec), templateOf(before.spec));
      await okJson(server.cast([process("a", { securityContext: { user: "nobody" }, env: { A: "1" } })]));
      assert.equal(readStored(server, "a").spec.identity?.user, 65534);
    }),
});

Deno.test("readHostAccounts() reads numbers as numbers, and the groups that an account brings", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${dir}/passwd`,
      "root:x:0:0::/:\ntoor:x:00:0::/:\n+::::::\n70:x:71:5::/:\nweb:x:70:70::/:\n",
    );
    await Deno.writeTextFile(`${dir}/group`, "root:x:0:\ndocker:x:99:web,other\nlist:x:70:web\n");
    const accounts = readHostAccounts({ passwd: `${dir}/passwd`, group: `${dir}/group` });
    assert.deepEqual(accounts.user("web"), { uid: 70, gid: 70, groups: [99, 70] });
    assert.deepEqual(
      accounts.user("70"),
      accounts.user("web"),
      "digits are an id, even if an account has them as its name",
    );
    assert.equal(accounts.user("toor")?.uid, 0);
    assert.equal(accounts.user("+"), undefined);
    assert.equal(accounts.group("docker"), 99);
    assert.equal(accounts.group("98"), 98);
    assert.equal(accounts.has(99) && accounts.has(71) && !accounts.has(98), true);
    const toor = { process: { command: "a", args: [], env: {} }, securityContext: { user: "toor" } };
    assert.equal(isPrivileged(toor, accounts), true, "an account with the uid 0 is root by any name");
    for (const user of ["4294967295", "4294967296", "00", "nosuchuser0"]) {
      assert.equal(
        isPrivileged({ ...toor, securityContext: { user } }, accounts),
        user !== "nosuchuser0",
        user,
      );
    }
    const none = readHostAccounts({ passwd: `${dir}/none`, group: `${dir}/none` });
    assert.equal(none.user("root"), undefined);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
