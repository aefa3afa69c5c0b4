import assert from "node:assert/strict";
import { readEvents } from "../../cli/client/sse.ts";
import { okJson, problemOf, withServer } from "../api/server_fixture.ts";
import { withGuard } from "./auth_fixture.ts";

const REMOTE = "192.0.2.7";
const whoami = "/v1/auth/whoami";

Deno.test("bootstrap works once, from this machine as the peer's address shows, and nothing else answers before it", () =>
  withServer(async ({ send }) => {
    for (const path of ["/v1/status", "/v1/services", whoami, "/openapi.json"]) {
      const problem = await problemOf(send("GET", path), "unauthenticated");
      assert.match(problem.hint!, /rune admin bootstrap/);
    }
    for (const path of ["/healthz", "/v1/version"]) await okJson(send("GET", path, undefined, {}, REMOTE));
    const bootstrap = "/v1/auth/bootstrap";
    await problemOf(send("POST", bootstrap, undefined, {}, REMOTE), "permission_denied");
    for (const header of ["x-forwarded-for", "forwarded", "x-real-ip", "via"]) {
      await problemOf(send("POST", bootstrap, undefined, { [header]: "127.0.0.1" }), "permission_denied");
    }
    await problemOf(
      send("POST", bootstrap, undefined, { "x-forwarded-for": "127.0.0.1" }, REMOTE),
      "permission_denied",
    );
    await problemOf(send("POST", bootstrap, undefined, { host: "evil.example" }), "permission_denied");
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => send("POST", bootstrap, undefined, {}, "::ffff:127.0.0.1")),
    );
    assert.deepEqual(answers.map((a) => a.status).sort(), [201, 409, 409, 409, 409]);
    const made = await answers.find((a) => a.status === 201)!.json();
    for (const answer of answers) if (!answer.bodyUsed) await answer.body?.cancel();
    const me = await okJson(send("GET", whoami, undefined, { authorization: `Bearer ${made.token}` }));
    assert.deepEqual([me.user, me.policies, me.token.id], ["root", ["root"], made.id]);
  }, { auth: true }));

Deno.test("a token that is unknown, altered, expired or revoked is refused, always with the same answer", () =>
  withGuard(async ({ root, as, someone, deps }) => {
    const token = await someone("alice", ["readonly"]);
    const [id, secret] = token.split(".") as [string, string];
    const details = new Set<string>();
    const addRefusal = async (text: string) =>
      void details.add((await problemOf(as(text, "GET", whoami), "unauthenticated")).detail);
    await addRefusal(`rune_0000000000000000.${secret}`);
    await addRefusal(`${id}.${root.split(".")[1]}`);
    await addRefusal(`${id}.${secret.slice(0, -1)}`);
    await addRefusal("nonsense");
    const expired = await okJson(
      as(root, "POST", "/v1/admin/tokens", { user: "alice", expiresIn: "1s" }),
      201,
    );
    const row = deps.store.get("token", "", expired.id)!;
    const spec = { ...row.spec, expiresAt: new Date(Date.now() - 1).toISOString() };
    await deps.store.transact((tx) => tx.update<"token">(row, { spec }));
    await addRefusal(expired.token);
    assert.equal((await as(token, "GET", whoami)).status, 200);
    await okJson(as(root, "DELETE", `/v1/admin/tokens/${id.slice(5)}`));
    await addRefusal(token);
    const again = await okJson(as(root, "POST", "/v1/admin/tokens", { user: "alice" }), 201);
    await okJson(as(root, "DELETE", "/v1/admin/users/alice"));
    await okJson(as(root, "POST", "/v1/admin/users", { name: "alice", policies: ["root"] }), 201);
    await addRefusal(again.token);
    assert.equal(details.size, 1);
  }));

Deno.test("a token is stored only as a hash, and no list shows it", () =>
  withGuard(async ({ root, as, deps }) => {
    const secret = root.split(".")[1]!;
    assert.equal(JSON.stringify(deps.store.list("token")).includes(secret), false);
    const { items } = await okJson(as(root, "GET", "/v1/admin/tokens"));
    assert.deepEqual(Object.keys(items[0]).sort(), ["createdAt", "description", "expired", "id", "user"]);
    for (const kind of ["tokens", "users", "policies", "sealedsecrets", "leases"]) {
      await problemOf(as(root, "GET", `/v1/${kind}`), "not_found");
    }
  }));

Deno.test("failed logins are limited per address, with retry-after; a valid token, another address and no token are not", () =>
  withGuard(async ({ root, as, send, someone }) => {
    const guess = () => as("rune_0000000000000000.wrong", "GET", whoami, undefined, REMOTE);
    for (let i = 0; i < 10; i++) await problemOf(guess(), "unauthenticated");
    const limited = await guess();
    assert.equal(limited.status, 429);
    assert.ok(Number(limited.headers.get("retry-after")) >= 1);
    await limited.body?.cancel();
    // Other callers behind the same address, and the owner of the daemon, keep working.
    const ci = await someone("ci", ["cast"], "default");
    for (let i = 0; i < 20; i++) {
      for (const token of [root, ci]) await okJson(as(token, "GET", whoami, undefined, REMOTE));
      const again = await guess();
      assert.equal(again.status, 429);
      await again.body?.cancel();
    }
    assert.equal((await as(root, "GET", whoami)).status, 200);
    await problemOf(send("GET", whoami, undefined, {}, REMOTE), "unauthenticated");
    const { items } = await okJson(as(root, "GET", "/v1/admin/audit?denied=true"));
    assert.equal(items.length, 10);
    assert.equal(JSON.stringify(items).includes("wrong"), false);
  }));

Deno.test("revocation, expiry and a change of policies end open streams at once, with the reason", () =>
  withGuard(async ({ root, as, someone, deps }) => {
    const open = async (token: string) => {
      const answer = await as(token, "GET", "/v1/services?watch=true");
      const events = readEvents(answer.body!, { idleMs: 5_000 });
      assert.equal((await events.next()).value!.event, "sync");
      return events;
    };
    const ends = async (events: ReturnType<typeof readEvents>, reason: RegExp) => {
      const { value } = await events.next();
      assert.equal(value!.event, "problem");
      const problem = JSON.parse(value!.data);
      assert.equal(problem.code, "unauthenticated");
      assert.match(problem.detail, reason);
      assert.equal((await events.next()).done, true);
    };
    const alice = await someone("alice", ["readonly"]);
    const revoked = await open(alice);
    const bob = await open(await someone("bob", ["readonly"]));
    await okJson(as(root, "DELETE", `/v1/admin/tokens/${alice.slice(5, 21)}`));
    await ends(revoked, /was revoked/);
    await okJson(as(root, "PUT", "/v1/admin/users/bob/policies", { policies: ["cast"] }));
    await ends(bob, /were changed/);
    await okJson(
      as(root, "PUT", "/v1/admin/policies/eyes", { rules: [{ resource: "services", verbs: ["*"] }] }),
    );
    const carol = await open(await someone("carol", ["eyes"]));
    await okJson(
      as(root, "PUT", "/v1/admin/policies/eyes", { rules: [{ resource: "volumes", verbs: ["get"] }] }),
    );
    await ends(carol, /were changed/);
    const brief = await okJson(as(root, "POST", "/v1/admin/tokens", { user: "bob", expiresIn: "1s" }), 201);
    await ends(await open(brief.token), /has expired/);
    assert.equal(deps.store.list("token").length, 4);
  }));

Deno.test("nobody can grant, revoke or impersonate more rights than they have", () =>
  withGuard(async ({ root, as, someone }) => {
    const boss = await someone("boss", ["admin"]);
    await someone("other-root", ["root"]);
    const assertDenied = (method: string, path: string, body?: unknown) =>
      problemOf(as(boss, method, `/v1/admin/${path}`, body), "permission_denied");
    await assertDenied("POST", "users", { name: "x", policies: ["root"] });
    await assertDenied("PUT", "users/boss/policies", { policies: ["root"] });
    await assertDenied("PUT", "users/other-root/policies", { policies: ["readonly"] });
    await assertDenied("DELETE", "users/other-root");
    await assertDenied("POST", "tokens", { user: "root" });
    await assertDenied("DELETE", `tokens/${root.slice(5, 21)}`);
    await assertDenied("PUT", "policies/all", { rules: [{ resource: "*", verbs: ["*"] }] });
    await assertDenied("POST", "policies", { name: "all", rules: [{ resource: "*", verbs: ["*"] }] });
    await assertDenied("PUT", "policies/key", { rules: [{ resource: "kek", verbs: ["update"] }] });
    await okJson(as(boss, "POST", "/v1/admin/users", { name: "x", policies: ["readwrite"] }), 201);
    await okJson(as(boss, "POST", "/v1/admin/tokens", { user: "x" }), 201);
    await problemOf(
      as(root, "PUT", "/v1/admin/policies/root", { rules: [{ resource: "*", verbs: ["*"] }] }),
      "failed_precondition",
    );
    await problemOf(
      as(root, "POST", "/v1/admin/users", { name: "y", policies: ["nope"] }),
      "invalid_argument",
    );
    await okJson(
      as(root, "PUT", "/v1/admin/policies/eyes", { rules: [{ resource: "services", verbs: ["get"] }] }),
    );
    await someone("z", ["eyes"]);
    await problemOf(as(root, "DELETE", "/v1/admin/policies/eyes"), "conflict");
  }));

Deno.test("a policy is created once, even a built-in one; a user without a policy may do nothing", () =>
  withGuard(async ({ root, as }) => {
    const rules = [{ resource: "services", verbs: ["get"] }];
    const made = await okJson(as(root, "POST", "/v1/admin/policies", { name: "eyes", rules }), 201);
    assert.deepEqual([made.name, made.builtin], ["eyes", false]);
    for (const name of ["eyes", "root"]) {
      await problemOf(as(root, "POST", "/v1/admin/policies", { name, rules }), "already_exists");
    }
    assert.deepEqual((await okJson(as(root, "POST", "/v1/admin/users", { name: "new" }), 201)).policies, []);
    const { token } = await okJson(as(root, "POST", "/v1/admin/tokens", { user: "new" }), 201);
    assert.equal((await okJson(as(token, "GET", whoami))).user, "new");
    for (const path of ["namespaces/default/services", "namespaces/default/secrets", "storageclasses"]) {
      await problemOf(as(token, "GET", `/v1/${path}`), "permission_denied");
    }
    await okJson(as(root, "PUT", "/v1/admin/users/new/policies", { policies: ["eyes"] }));
    await problemOf(as(token, "GET", "/v1/namespaces/default/services/none"), "not_found");
  }));

Deno.test("administration works only on this machine, unless the runefile permits others", () =>
  withGuard(async ({ root, as }) => {
    const problem = await problemOf(
      as(root, "GET", "/v1/admin/users", undefined, REMOTE),
      "permission_denied",
    );
    assert.match(problem.hint!, /allowRemoteAdmin/);
    assert.equal((await as(root, "GET", whoami, undefined, REMOTE)).status, 200);
    const me = await okJson(as(root, "GET", whoami, undefined, REMOTE));
    assert.match(me.warnings[0], /not encrypted/);
    assert.deepEqual((await okJson(as(root, "GET", whoami))).warnings, []);
  }));

Deno.test("the audit log records who did what, from where, with what outcome, for each write and refusal, and can be followed", () =>
  withGuard(async ({ root, as, someone, send }) => {
    const alice = await someone("alice", ["readonly"]);
    const path = "/v1/namespaces/default/configmaps/a";
    const secret = {
      resources: [{ kind: "secret", body: { name: "db", data: { password: "hunter2hunter2" } } }],
    };
    const followed = await as(root, "GET", "/v1/admin/audit?follow=true&user=alice&denied=true");
    const events = readEvents(followed.body!, { idleMs: 5_000 });
    await okJson(as(root, "POST", "/v1/cast", secret));
    await problemOf(as(alice, "PUT", path, { data: {} }), "permission_denied");
    await problemOf(as(root, "PUT", path, { data: 3 }), "invalid_argument");
    await okJson(as(alice, "GET", "/v1/configmaps"));
    const { value } = await events.next();
    assert.deepEqual(JSON.parse(value!.data).path, path);
    await events.return(undefined);
    const log = await okJson(as(root, "GET", "/v1/admin/audit?since=1h"));
    const lines = log.items.map((
      r: Record<string, string>,
    ) => [r.user, r.method, r.path, r.outcome, r.code, r.what]);
    assert.deepEqual(lines.slice(-3), [
      ["root", "POST", "/v1/cast", "ok", undefined, "secret db"],
      ["alice", "PUT", path, "denied", "permission_denied", "configmap default/a"],
      ["root", "PUT", path, "failed", "invalid_argument", undefined],
    ]);
    const [last] = log.items.slice(-1);
    assert.equal(last.address, "127.0.0.1");
    assert.equal(last.token, root.slice(5, 21));
    const text = JSON.stringify(log);
    assert.equal(text.includes("hunter2"), false);
    assert.equal(text.includes(root.split(".")[1]!), false);
    await problemOf(send("GET", "/v1/admin/audit"), "unauthenticated");
    await problemOf(as(alice, "GET", "/v1/admin/audit"), "permission_denied");
  }));
