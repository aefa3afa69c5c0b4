import assert from "node:assert/strict";
import { caddyConfig, caddyFiles, type ServingOptions } from "./config.ts";
import { isPublicName } from "./public_name.ts";
import type { Route } from "../proxy.ts";

const files = caddyFiles("/data/proxy");
const config = (routes: Route[], more: Partial<ServingOptions> = {}) =>
  caddyConfig(routes, { files, serving: { httpPort: 80, httpsPort: 443, loopback: false, ...more } });
const route = (host: string, ...upstreams: string[]): Route => ({ host, upstreams });

/** What each name is answered by on one of the servers. */
function handlers(
  routes: ReturnType<typeof config>["apps"]["http"]["servers"]["http"]["routes"],
): Record<string, { handler: string } & Record<string, unknown>> {
  return Object.fromEntries(
    routes.map((r) => ["match" in r ? r.match[0]!.host[0] : "else", r.handle[0]]),
  );
}

Deno.test("caddyConfig() administers by a socket alone and keeps every file in its folder", () => {
  const { admin, storage, logging } = config([]);
  assert.deepEqual(admin, {
    listen: "unix//data/proxy/admin.sock",
    origins: ["localhost"],
    config: { persist: false },
  });
  assert.equal(storage.root, "/data/proxy/storage");
  assert.equal(logging.logs.default.writer.filename, "/data/proxy/caddy.log");
});

Deno.test("caddyConfig() sends each name to its instances in turn, and says it when there are none", () => {
  const { http, https } =
    config([route("a.local", "10.0.0.2:80", "10.0.0.1:80"), route("b.local")]).apps.http.servers;
  for (const server of [http, https]) {
    const answers = handlers(server.routes);
    assert.deepEqual(Object.keys(answers), ["a.local", "b.local", "else"]);
    assert.deepEqual(answers["a.local"]!.upstreams, [{ dial: "10.0.0.1:80" }, { dial: "10.0.0.2:80" }]);
    assert.deepEqual(answers["a.local"]!.load_balancing, {
      selection_policy: { policy: "round_robin" },
      try_duration: "3s",
      try_interval: "5ms",
    });
    assert.deepEqual([answers["b.local"]!.handler, answers["b.local"]!.status_code], [
      "static_response",
      503,
    ]);
    assert.equal(answers["else"]!.status_code, 404);
  }
});

Deno.test("caddyConfig() is the same document for the same routes in any order", () => {
  const one = config([route("a.local", "1", "2"), route("b.local")]);
  assert.deepEqual(one, config([route("b.local"), route("a.local", "2", "1")]));
});

Deno.test("caddyConfig() listens where it is told, on loopback alone in dev mode", () => {
  const { http, https } = config([], { httpPort: 7880, httpsPort: 7843 }).apps.http.servers;
  assert.deepEqual([http.listen, https.listen], [[":7880"], [":7843"]]);
  const local = config([], { httpPort: 7880, httpsPort: 7843, loopback: true }).apps.http.servers;
  assert.deepEqual([local.http.listen, local.https.listen], [["127.0.0.1:7880"], ["127.0.0.1:7843"]]);
});

Deno.test("caddyConfig() without an e-mail certifies every name itself, and installs no authority", () => {
  const { tls, pki, http } = config([route("a.local"), route("shop.example.com", "10.0.0.1:80")]).apps;
  assert.deepEqual(tls.automation.policies, [
    { subjects: ["a.local", "shop.example.com"], issuers: [{ module: "internal" }] },
  ]);
  assert.equal(pki.certificate_authorities.local.install_trust, false);
  assert.equal(handlers(http.servers.http.routes)["shop.example.com"]!.handler, "reverse_proxy");
});

Deno.test("caddyConfig() with an e-mail certifies public names by ACME and sends them on to HTTPS, private ones not", () => {
  const acmeEmail = "ops@example.com";
  const routes = [route("a.local", "10.0.0.1:80"), route("shop.example.com", "10.0.0.2:80")];
  const { tls, http } = config(routes, { acmeEmail }).apps;
  assert.deepEqual(tls.automation.policies, [
    { subjects: ["shop.example.com"], issuers: [{ module: "acme", email: acmeEmail }] },
    { subjects: ["a.local"], issuers: [{ module: "internal" }] },
  ]);
  const plain = handlers(http.servers.http.routes);
  assert.equal(plain["a.local"]!.handler, "reverse_proxy");
  assert.equal(plain["shop.example.com"]!.status_code, 308);
  assert.deepEqual((plain["shop.example.com"]!.headers as Record<string, string[]>).Location, [
    "https://{http.request.host}{http.request.uri}",
  ]);
  assert.equal(handlers(http.servers.https.routes)["shop.example.com"]!.handler, "reverse_proxy");
  const elsewhere = handlers(config(routes, { acmeEmail, httpsPort: 7843 }).apps.http.servers.http.routes);
  assert.deepEqual((elsewhere["shop.example.com"]!.headers as Record<string, string[]>).Location, [
    "https://{http.request.host}:7843{http.request.uri}",
  ]);
});

Deno.test("isPublicName() knows what no public authority certifies", () => {
  for (const name of ["api", "api.local", "web.localhost", "db.internal", "nas.home.arpa", "a.b.test"]) {
    assert.equal(isPublicName(name), false, name);
  }
  for (const name of ["example.com", "a.b.example.org", "locals.io"]) assert.ok(isPublicName(name), name);
});
