import assert from "node:assert/strict";
import { caddyConfig, caddyFiles, type ServingOptions } from "./config.ts";
import { isPublicName, PRIVATE_PATTERNS } from "./public_name.ts";

const files = caddyFiles("/data/proxy");
const config = (more: Partial<ServingOptions> = {}) =>
  caddyConfig({ files, serving: { httpPort: 80, httpsPort: 443, loopback: false, ...more } });

Deno.test("caddyConfig() has only a socket for the admin API, and keeps every file in its folder", () => {
  const { admin, storage, logging } = config();
  assert.deepEqual(admin, {
    listen: "unix//data/proxy/admin.sock",
    origins: ["localhost"],
    config: { persist: false },
  });
  assert.equal(storage.root, "/data/proxy/storage");
  assert.equal(logging.logs.default.writer.filename, "/data/proxy/caddy.log");
});

Deno.test("caddyConfig() listens on the given ports, in dev mode only on loopback", () => {
  const { http, https } = config({ httpPort: 7880, httpsPort: 7843 }).apps.http.servers;
  assert.deepEqual([http.listen, https.listen], [[":7880"], [":7843"]]);
  const local = config({ httpPort: 7880, httpsPort: 7843, loopback: true }).apps.http.servers;
  assert.deepEqual([local.http.listen, local.https.listen], [["127.0.0.1:7880"], ["127.0.0.1:7843"]]);
});

Deno.test("caddyConfig() without an e-mail certifies every name itself, and installs no authority", () => {
  const { tls, pki, http } = config().apps;
  assert.deepEqual(tls.automation.policies, [{ issuers: [{ module: "internal" }], on_demand: true }]);
  assert.equal(pki.certificate_authorities.local.install_trust, false);
  assert.equal(JSON.stringify(http.servers.http.routes).includes("308"), false);
});

Deno.test("caddyConfig() with an e-mail certifies public names by ACME and redirects marked ones to HTTPS", () => {
  const acmeEmail = "ops@example.com";
  const { tls, http } = config({ acmeEmail }).apps;
  assert.deepEqual(tls.automation.policies, [
    { subjects: PRIVATE_PATTERNS, issuers: [{ module: "internal" }], on_demand: true },
    { issuers: [{ module: "acme", email: acmeEmail }], on_demand: true },
  ]);
  const { servers } = http;
  assert.ok(JSON.stringify(servers.http.routes).includes('"https://{http.request.host}{http.request.uri}"'));
  assert.equal(JSON.stringify(servers.https.routes).includes("308"), false);
  const elsewhere = JSON.stringify(config({ acmeEmail, httpsPort: 7843 }).apps.http.servers.http.routes);
  assert.ok(elsewhere.includes('"https://{http.request.host}:7843{http.request.uri}"'));
});

Deno.test("isPublicName() and PRIVATE_PATTERNS agree on the names that no public authority certifies", () => {
  /** Compares a name with a pattern as Caddy does: label by label from the left, with `*` for one label. */
  const matches = (name: string) =>
    PRIVATE_PATTERNS.some((pattern) => {
      const labels = pattern.split(".");
      const own = name.split(".");
      return labels.length === own.length && labels.every((l, i) => l === "*" || l === own[i]);
    });
  for (const name of ["api", "api.local", "web.localhost", "db.internal", "nas.home.arpa", "a.b.c.test"]) {
    assert.equal(isPublicName(name), false, name);
    assert.ok(matches(name), name);
  }
  for (const name of ["example.com", "a.b.example.org", "locals.io"]) {
    assert.ok(isPublicName(name), name);
    assert.equal(matches(name), false, name);
  }
});
