import assert from "node:assert/strict";
import { withGuard } from "../../auth/auth_fixture.ts";
import { okJson, problemOf, withServer } from "../server_fixture.ts";

Deno.test("bootstrap gives one token, to this machine alone", () =>
  withServer(async ({ send, store }) => {
    await problemOf(send("POST", "/v1/auth/bootstrap", undefined, {}, "203.0.113.9"), "permission_denied");
    assert.deepEqual(store.list("token"), []);
    const answer = await send("POST", "/v1/auth/bootstrap");
    assert.equal(answer.headers.get("cache-control"), "no-store");
    const { token } = await okJson(Promise.resolve(answer), 201);
    assert.match(token, /^rune_/);
    await problemOf(send("POST", "/v1/auth/bootstrap"), "already_exists");
    assert.equal(store.list("token").length, 1);
  }, { auth: true }));

Deno.test("whoami says who the token proves, and warns where others can read it", () =>
  withGuard(async ({ root, as }) => {
    const here = await okJson(as(root, "GET", "/v1/auth/whoami"));
    assert.deepEqual([here.user, here.type, here.address, here.warnings], ["root", "user", "127.0.0.1", []]);
    const away = await okJson(as(root, "GET", "/v1/auth/whoami", undefined, "203.0.113.9"));
    assert.match(away.warnings.join("\n"), /auth\.tls/);
    await problemOf(as("rune_0.x", "GET", "/v1/auth/whoami"), "unauthenticated");
  }));

Deno.test("whoami warns of a daemon that asks nobody who they are, unless that is what dev mode is for", () =>
  withServer(async ({ send, deps }) => {
    const warnings = async () => (await okJson(send("GET", "/v1/auth/whoami"))).warnings.join("\n");
    assert.equal(await warnings(), "");
    deps.info.devMode = false;
    assert.match(await warnings(), /may do everything/);
  }));
