import assert from "node:assert/strict";
import { withGuard } from "../../auth/auth_fixture.ts";
import { okJson, problemOf, withServer } from "../server_fixture.ts";

const rule = { resource: "services", verbs: ["get", "list"], namespace: "shop" };

Deno.test("users, policies and tokens are made, listed without what lets anybody in, and removed", () =>
  withGuard(async ({ root, as, store }) => {
    await okJson(as(root, "POST", "/v1/admin/policies", { name: "reader", rules: [rule] }), 201);
    await okJson(as(root, "POST", "/v1/admin/users", { name: "ann", policies: ["reader"] }), 201);
    const made = await okJson(as(root, "POST", "/v1/admin/tokens", { user: "ann" }), 201);
    const listed = await okJson(as(root, "GET", "/v1/admin/tokens"));
    assert.ok(
      listed.items.some(({ id, user }: { id: string; user: string }) => id === made.id && user === "ann"),
    );
    assert.doesNotMatch(JSON.stringify(listed), new RegExp(made.token.split(".")[1]));
    assert.equal((await okJson(as(made.token, "GET", "/v1/auth/whoami"))).user, "ann");
    await okJson(as(root, "DELETE", `/v1/admin/tokens/${made.id}`));
    await problemOf(as(made.token, "GET", "/v1/auth/whoami"), "unauthenticated");
    await problemOf(as(root, "DELETE", "/v1/admin/policies/reader"), "conflict");
    await okJson(as(root, "DELETE", "/v1/admin/users/ann"));
    await okJson(as(root, "DELETE", "/v1/admin/policies/reader"));
    assert.equal(store.get("user", "", "ann"), undefined);
  }));

Deno.test("a user is refused with a policy that is not there, and nothing is written", () =>
  withGuard(async ({ root, as, store }) => {
    const revision = store.revision;
    await problemOf(
      as(root, "POST", "/v1/admin/users", { name: "ann", policies: ["none"] }),
      "invalid_argument",
    );
    const { issues } = await problemOf(
      as(root, "POST", "/v1/admin/users", { name: "Not A Name" }),
      "invalid_argument",
    );
    assert.deepEqual(issues![0]!.path, ["name"]);
    assert.equal(store.revision, revision);
  }));

Deno.test("who may not administer is refused each of these, and nothing is written", () =>
  withGuard(async ({ root, as, someone, store }) => {
    await okJson(as(root, "POST", "/v1/admin/policies", { name: "reader", rules: [rule] }), 201);
    const ann = await someone("ann", ["reader"]);
    const revision = store.revision;
    for (
      const [method, path, body] of [
        ["GET", "/v1/admin/users"],
        ["POST", "/v1/admin/users", { name: "eve" }],
        ["PUT", "/v1/admin/users/ann/policies", { policies: ["admin"] }],
        ["POST", "/v1/admin/tokens", { user: "root" }],
        ["PUT", "/v1/admin/policies/reader", { rules: [rule] }],
        ["POST", "/v1/admin/rotate-kek"],
        ["GET", "/v1/admin/audit"],
      ] as const
    ) await problemOf(as(ann, method, path, body), "permission_denied");
    assert.equal(store.revision, revision);
  }));

Deno.test("rotate-kek goes on with the values that there were", () =>
  withServer(async ({ cast, send, deps }) => {
    await okJson(cast([["secret", { name: "s", data: { a: "1" } }]]));
    assert.deepEqual(await okJson(send("POST", "/v1/admin/rotate-kek")), { rewrapped: 1 });
    assert.deepEqual(await deps.secrets.readSecret("default", "s"), { a: "1" });
  }));

Deno.test("the audit log tells refusals apart, and takes no more than it can give", () =>
  withGuard(async ({ root, as }) => {
    await problemOf(as("rune_0000000000000000.x", "GET", "/v1/services"), "unauthenticated");
    await okJson(as(root, "POST", "/v1/admin/users", { name: "ann" }), 201);
    const all = (await okJson(as(root, "GET", "/v1/admin/audit"))).items;
    assert.ok(
      all.some((r: { path: string; user: string }) => r.path === "/v1/admin/users" && r.user === "root"),
    );
    const denied = (await okJson(as(root, "GET", "/v1/admin/audit?denied=true"))).items;
    assert.deepEqual(denied.map((r: { path: string }) => r.path), ["/v1/services"]);
    for (const query of ["limit=0", "limit=10001", "since=yesterday", "colour=red"]) {
      await problemOf(as(root, "GET", `/v1/admin/audit?${query}`), "invalid_argument");
    }
  }));
