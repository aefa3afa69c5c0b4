import assert from "node:assert/strict";
import { withGuard } from "../auth/auth_fixture.ts";
import { listRegistries } from "./registries.ts";
import { okJson, problemOf } from "../api/server_fixture.ts";

const PATH = "/v1/admin/registries";
const VALUE = "hunter2-and-more";

Deno.test("registries are set, shown without values, replaced and removed, and keys of old values are destroyed", () =>
  withGuard(async ({ deps, store, root, as }) => {
    const put = (body: object) => as(root, "PUT", PATH, body);
    const credentials = async (match: string) => {
      const all = listRegistries({ runefile: [], store, secrets: deps.secrets });
      return await all.find((r) => r.match === match)?.credentials();
    };
    const basic = await okJson(put({ match: "ghcr.io/team/*", username: "u", password: VALUE }));
    assert.deepEqual(basic, { match: "ghcr.io/team/*", source: "stored", credentials: "basic" });
    assert.deepEqual(await credentials("ghcr.io/team/*"), { username: "u", password: VALUE });
    assert.doesNotMatch(JSON.stringify(store.list("registry")), new RegExp(VALUE));
    await deps.secrets.rotate();
    assert.deepEqual(await credentials("ghcr.io/team/*"), { username: "u", password: VALUE });

    await okJson(put({ match: "ghcr.io/team/*", token: `${VALUE}-2` }));
    assert.deepEqual(await credentials("ghcr.io/team/*"), { token: `${VALUE}-2` });
    const { items } = await okJson(as(root, "GET", PATH));
    assert.deepEqual(items, [{ match: "ghcr.io/team/*", source: "stored", credentials: "token" }]);

    await as(root, "PUT", "/v1/namespaces/infra/secrets/pull", { data: { token: "t1" } });
    const secret = await okJson(put({ match: "ghcr.io/team/*", secret: "pull.infra.rune" }));
    assert.equal(secret.secret, "infra/pull");
    assert.deepEqual(await credentials("ghcr.io/team/*"), { token: "t1" });
    assert.equal(store.get("sealedSecret", "", "ghcr.io/team/*"), undefined);
    await as(root, "PUT", "/v1/namespaces/infra/secrets/pull", { data: { token: "t2" } });
    assert.deepEqual(await credentials("ghcr.io/team/*"), { token: "t2" });

    await okJson(put({ match: "ghcr.io/team/*", token: VALUE }));
    const gone = `${PATH}?match=${encodeURIComponent("ghcr.io/team/*")}`;
    await okJson(as(root, "DELETE", gone));
    assert.deepEqual(store.list("sealedSecret").map(({ name }) => name), ["pull"]);
    // Wait for the destructions that have started.
    await deps.secrets.discard({ version: 1, keyId: "none", iv: "", ciphertext: "" });
    assert.equal((await store.metaKeys("data-key/")).length, 1);
    await problemOf(as(root, "DELETE", gone), "not_found");
    const audit = JSON.stringify(await deps.auth.audit.read({ denied: false, limit: 100 }));
    assert.match(audit, /registry ghcr\.io\/team\/\*: secret pull\.infra\.rune/);
    assert.doesNotMatch(audit, new RegExp(VALUE));
  }));

Deno.test("registries: entries that cannot work are refused, and the refusal shows no value", () =>
  withGuard(async ({ root, as }) => {
    await as(root, "PUT", "/v1/namespaces/default/secrets/odd", { data: { user: "u" } });
    const cases: [body: object, code: Parameters<typeof problemOf>[1], message: RegExp][] = [
      [{ match: "https://ghcr.io", token: VALUE }, "invalid_argument", /is not a registry such as/],
      [{ match: "ghcr.io" }, "invalid_argument", /expected either username/],
      [{ match: "ghcr.io", token: VALUE, secret: "odd" }, "invalid_argument", /expected either username/],
      [{ match: "ghcr.io", password: VALUE }, "invalid_argument", /username and password together/],
      [{ match: "ghcr.io", token: [VALUE] }, "invalid_argument", /expected a string/],
      [{ match: "ghcr.io", token: VALUE.repeat(2000) }, "invalid_argument", /token/],
      [{ match: "ghcr.io", secret: "gone" }, "not_found", /no secret default\/gone/],
      [{ match: "ghcr.io", secret: "odd" }, "failed_precondition", /it has: user/],
    ];
    for (const [body, code, message] of cases) {
      const problem = await problemOf(as(root, "PUT", PATH, body), code);
      assert.match(problem.detail, message);
      assert.doesNotMatch(JSON.stringify(problem), new RegExp(VALUE));
    }
  }));

Deno.test("registries: naming a secret requires the right to it, since its values are sent to whatever matches", () =>
  withGuard(async ({ root, as, someone }) => {
    await as(root, "PUT", "/v1/namespaces/prod/secrets/pull", { data: { token: "t" } });
    await as(root, "PUT", "/v1/admin/policies/registrar", {
      rules: [{ resource: "registries", verbs: ["*"] }],
    });
    const token = await someone("registrar", ["registrar"]);
    const body = { match: "evil.example.com", secret: "pull.prod.rune" };
    const problem = await problemOf(as(token, "PUT", PATH, body), "permission_denied");
    assert.match(problem.detail, /get secrets in namespace prod/);
    await okJson(as(token, "PUT", PATH, { match: "evil.example.com", token: "mine" }));
    await okJson(as(root, "PUT", PATH, body));
  }));
