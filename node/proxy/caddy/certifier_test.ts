/** Certificates of host names, with a real Caddy. @module */
import assert from "node:assert/strict";
import { connect } from "node:tls";
import { createServer } from "node:net";
import { fetchByName, freePorts } from "../../../tests/by_name.ts";
import { until } from "../../../tests/host.ts";
import { createCertifier } from "./certifier.ts";
import { caddyFiles } from "./config.ts";
import { type Room, roomTest as test, signal } from "./test_room.ts";

/** The issuer of the certificate that Caddy presents for a name; undefined if there is none. */
function issuerOf({ serving }: Room, servername: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({
      host: "127.0.0.1",
      port: serving.httpsPort,
      servername,
      rejectUnauthorized: false,
    });
    socket.on("secureConnect", () => {
      const issuer: unknown = socket.getPeerCertificate().issuer?.CN;
      socket.destroy();
      resolve(String(issuer));
    });
    socket.on("error", () => resolve(undefined));
  });
}

const filesOf = async (dir: string) => (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name);

test("a name has a certificate of Caddy's own authority when apply() returns, and an unknown name gets none", async (room) => {
  const proxy = room.open();
  await proxy.apply([{ host: "a.local", upstreams: [] }], signal());
  const certificates = `${caddyFiles(room.dir).storage}/certificates/local`;
  assert.deepEqual(await filesOf(certificates), ["a.local"]);
  assert.match((await issuerOf(room, "a.local"))!, /Caddy Local Authority/);
  for (const name of ["b.local", "a.local.evil.com"]) {
    assert.equal(await issuerOf(room, name), undefined);
  }
  assert.deepEqual(await filesOf(certificates), ["a.local"]);
  await proxy.apply([{ host: "b.local", upstreams: [] }], signal());
  assert.match((await issuerOf(room, "b.local"))!, /Caddy Local Authority/);
});

test("with ACME a public name is redirected to HTTPS, and a private one is served as before", async (room) => {
  const serving = { ...room.serving, acmeEmail: "ops@example.com" };
  await using backend = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("ok"),
  );
  const upstreams = [`127.0.0.1:${backend.addr.port}`];
  const proxy = room.open({ serving });
  await proxy.apply([{ host: "a.local", upstreams }, { host: "shop.example.com", upstreams }], signal());
  assert.equal((await fetchByName(serving.httpPort, "a.local")).body, "ok");
  assert.match((await issuerOf(room, "a.local"))!, /Caddy Local Authority/);
  for (const host of ["shop.example.com", "SHOP.example.com"]) {
    const { status, headers } = await fetchByName(serving.httpPort, host);
    assert.equal(status, 308);
    assert.equal(headers.location, `https://${host}:${serving.httpsPort}/`);
  }
  const certificates = `${caddyFiles(room.dir).storage}/certificates`;
  assert.deepEqual(await filesOf(certificates), ["local"], "its own authority signs no public name");
});

Deno.test("only the daemon triggers requests to a public authority, rarely after a failure, and never for a removed name", async () => {
  const [port] = freePorts(1) as [number];
  let visits = 0;
  const server = createServer((socket) => {
    visits++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const permits: [string, boolean][] = [];
  const certifier = createCertifier({
    port,
    mend: () => Promise.resolve(),
    permit: (host, permitted) => {
      permits.push([host, permitted]);
      return Promise.resolve();
    },
  });
  try {
    certifier.certifyPublicly(["shop.example.com"]);
    await until("it was refused", () => Promise.resolve(permits.length === 2));
    assert.deepEqual(permits, [["shop.example.com", true], ["shop.example.com", false]]);
    for (let i = 0; i < 5; i++) certifier.certifyPublicly(["shop.example.com"]);
    assert.equal(visits, 1);
    certifier.certifyPublicly([]);
    certifier.certifyPublicly(["shop.example.com"]);
    await until("it is asked for anew", () => Promise.resolve(visits === 2));
  } finally {
    certifier.close();
    await new Promise((resolve) => server.close(resolve));
  }
});
