/** Two services that need one volume at once are refused in any order; services that can succeed are not. */
import assert from "node:assert/strict";
import {
  claim,
  okJson,
  problemOf,
  service,
  template,
  type TestServer,
  volume,
  withServer,
} from "../api/server_fixture.ts";

const writer = (name: string, more: object = {}) => service(name, { volumes: [claim("v")], ...more });
const reader = (name: string, more: object = {}) =>
  service(name, { volumes: [claim("v", { readOnly: true })], ...more });

const castOk = async (server: TestServer, ...set: [string, Record<string, unknown>][]) =>
  await okJson(server.cast(set));

/** The issues of a refusal. */
const refusedCast = async (server: TestServer, set: [string, Record<string, unknown>][], options = {}) =>
  (await problemOf(server.cast(set, options), "invalid_argument")).issues!;

const PAIRS: [what: string, set: [string, Record<string, unknown>][], where: number, message: RegExp][] = [
  [
    "two writers",
    [volume("v"), writer("a"), writer("b")],
    2,
    /is mounted read-write by service default\/a: /,
  ],
  [
    "a reader beside a writer",
    [volume("v"), writer("a"), reader("b")],
    2,
    /read-write by service default\/a: /,
  ],
  [
    "a writer beside a reader",
    [volume("v"), reader("a"), writer("b")],
    2,
    /read-only by service default\/a, and/,
  ],
  [
    "services before their volume",
    [writer("a"), writer("b"), volume("v")],
    1,
    /volume default\/v is mounted/,
  ],
  [
    "a writer in another namespace",
    [volume("v"), writer("a"), service("b", { namespace: "n", volumes: [claim("v.default.rune")] })],
    2,
    /volume default\/v is mounted read-write by service default\/a/,
  ],
  [
    "a claim of a template's volume",
    [service("a", { volumes: [template()], scale: 2 }), service("b", { volumes: [claim("data-a-1")] })],
    1,
    /volume default\/data-a-1 is mounted read-write by service default\/a/,
  ],
  [
    "a template beside a claim of its volume",
    [service("b", { volumes: [claim("data-a-1")] }), service("a", { volumes: [template()], scale: 2 })],
    1,
    /volume default\/data-a-1 is mounted read-write by service default\/b/,
  ],
];

for (const [what, set, where, message] of PAIRS) {
  Deno.test(`cast refuses ${what} in one set, and against stored services, also in a dry run`, async () => {
    for (const dryRun of [false, true]) {
      await withServer(async (server) => {
        const issues = await refusedCast(server, set, { dryRun });
        assert.equal(issues.length, 1, JSON.stringify(issues));
        assert.match(issues[0]!.message, message);
        assert.match(issues[0]!.hint!, /a volume of its own.*scale the other to 0 first/);
        assert.deepEqual([issues[0]!.resource, issues[0]!.path], [where, ["volumes", 0]]);
        assert.deepEqual(server.store.list("service"), []);
      });
    }
    await withServer(async (server) => {
      await castOk(server, ...set.filter((_, i) => i !== where));
      const issues = await refusedCast(server, [set[where]!]);
      assert.match(issues[0]!.message, message);
    });
  });
}

const FINE: [what: string, set: [string, Record<string, unknown>][]][] = [
  ["readers alone", [volume("v"), reader("a"), reader("b")]],
  ["a writer that is stopped", [volume("v"), writer("a", { scale: 0 }), writer("b")]],
  ["a job, which lets go when it has ended", [volume("v"), writer("a", { restart: "never" }), writer("b")]],
  ["one service that mounts a volume twice", [
    volume("v"),
    service("a", {
      volumes: [claim("v"), claim("v", { name: "again", mountPath: "/again", readOnly: true })],
    }),
  ]],
  ["a name like that of a template's volume", [
    volume("data-a-2"),
    service("a", { volumes: [template()], scale: 2 }),
    service("b", { volumes: [claim("data-a-2")] }),
  ]],
];

for (const [what, set] of FINE) {
  Deno.test(`cast takes ${what}`, () => withServer(async (server) => void await castOk(server, ...set)));
}

Deno.test("a service that releases a volume in the same set is no conflict, and neither is one that is being deleted", () =>
  withServer(async (server) => {
    await castOk(server, volume("v"), writer("a"));
    await castOk(server, service("a"), writer("b"));
    await okJson(server.send("DELETE", "/v1/namespaces/default/services/b"), 202).catch(() => {});
    assert.ok(server.store.get("service", "default", "b")?.deletionRequestedAt);
    await castOk(server, writer("c"));
  }));

Deno.test("a service that waited for its volume before can be changed and stopped, and not started again", () =>
  withServer(async (server) => {
    await castOk(server, volume("v"), writer("a"), writer("b", { scale: 0 }));
    // As an older version of Rune permitted it.
    await server.store.transact((tx) => {
      const b = tx.get("service", "default", "b")!;
      tx.update(b, { spec: { ...b.spec, scale: 1 } });
    });
    await castOk(server, writer("b", { env: { A: "1" } }));
    await castOk(server, writer("b", { env: { A: "1" }, scale: 0 }));
    await refusedCast(server, [writer("b", { env: { A: "1" } })]);
    const scale = server.send("POST", "/v1/namespaces/default/services/b/actions/scale", { scale: 1 });
    await problemOf(scale, "invalid_argument");
  }));
