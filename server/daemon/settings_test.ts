import type { ServeOptions } from "../../model/serve_options.ts";
import assert from "node:assert/strict";
import type { RuneError } from "../../model/error.ts";
import { loadSettings, type Surroundings } from "./settings.ts";

function load(
  options: ServeOptions,
  { env = {}, files = {}, isRoot = true }: {
    env?: Record<string, string>;
    files?: Record<string, string>;
    isRoot?: boolean;
  } = {},
) {
  const from: Surroundings = {
    env: (name) => ({ HOME: "/home/u", ...env } as Record<string, string>)[name],
    read: (path) => Promise.resolve(files[path]),
    hostname: () => "box",
    isRoot: () => isRoot,
  };
  return loadSettings(options, from);
}

Deno.test("loadSettings() has defaults that listen on loopback only and warn of nothing", async () => {
  const settings = await load({});
  assert.deepEqual(settings.addresses, [{ hostname: "127.0.0.1", port: 7861 }]);
  assert.equal(settings.dataDir, "/var/lib/rune");
  assert.equal(settings.storage.localVolumeRoot, "/var/lib/rune/volumes");
  assert.equal(settings.storage.allowCreateMissing, false);
  assert.equal(settings.storage.trashRetentionMs, 86_400_000);
  assert.equal(settings.docker.socket, "/var/run/docker.sock");
  assert.equal(settings.node.name, "box");
  assert.deepEqual(settings.warnings, []);
});

Deno.test("loadSettings() prefers flags to the runefile, and the runefile to defaults", async () => {
  const files = {
    "/etc/rune/runefile.toml":
      'dataDir = "/d"\n[server]\nhttp-addr = "127.0.0.1:1"\nlog-level = "warn"\n[docker]\nsocket = "/s"\n',
  };
  const file = await load({}, { files, env: { DOCKER_HOST: "unix:///other" } });
  assert.deepEqual([file.dataDir, file.log.level, file.docker.socket], ["/d", "warn", "/s"]);
  const flags = await load({ dataDir: "/f", httpAddr: "127.0.0.1:2", logLevel: "debug", nodeName: "n" }, {
    files,
  });
  assert.deepEqual(flags.addresses, [{ hostname: "127.0.0.1", port: 2 }]);
  assert.deepEqual([flags.dataDir, flags.log.level, flags.node.name], ["/f", "debug", "n"]);
});

Deno.test("loadSettings() accepts public addresses, with a warning for each", async () => {
  const settings = await load({ httpAddr: ":7861", grpcAddr: "127.0.0.1:7863" });
  assert.deepEqual(settings.addresses, [{ hostname: "", port: 7861 }, { hostname: "127.0.0.1", port: 7863 }]);
  assert.equal(settings.warnings.length, 1);
  assert.match(settings.warnings[0]!, /PLAIN TEXT.*every interface, port 7861/);
});

Deno.test("loadSettings() warns if the API and host names have the same port", async () => {
  const files = { "/etc/rune/runefile.yaml": "expose: { httpPort: 8000, httpsPort: 8443 }" };
  const { warnings } = await load({ httpAddr: "127.0.0.1:8443" }, { files });
  assert.deepEqual(warnings.length, 1);
  assert.match(warnings[0]!, /^port 8443 is set for both the API and host names, .*expose\.httpsPort/);
  assert.deepEqual((await load({ httpAddr: "127.0.0.1:8001" }, { files })).warnings, []);
});

Deno.test("loadSettings() listens on every interface by default if TLS is set, without a warning", async () => {
  const files = {
    "/etc/rune/runefile.yaml": "auth: { tls: { cert: /c.pem, key: /k.pem } }",
    "/open.yaml": "auth: { enabled: false, tls: { cert: /c.pem, key: /k.pem } }",
    "/home.yaml": 'server: { http-addr: "127.0.0.1:1" }\nauth: { tls: { cert: /c.pem, key: /k.pem } }',
  };
  const { addresses, warnings } = await load({}, { files });
  assert.deepEqual([addresses, warnings], [[{ hostname: "", port: 7861 }], []]);
  const open = await load({ config: "/open.yaml" }, { files });
  assert.match(open.warnings.join(), /^WITHOUT AUTHENTICATION, on every interface, port 7861/);
  const home = await load({ config: "/home.yaml" }, { files });
  assert.deepEqual(home.addresses, [{ hostname: "127.0.0.1", port: 1 }], "what is written is honoured");
});

Deno.test("loadSettings() keeps dev mode in the home directory and on loopback, and ignores the system's runefile", async () => {
  const files = { "/etc/rune/runefile.yaml": 'server: { http-addr: ":7861" }' };
  const settings = await load({ devMode: true }, { files });
  assert.equal(settings.dataDir, "/home/u/.rune/data");
  assert.deepEqual(settings.storage.hostPathAllowlist, ["/home/u/.rune/volumes"]);
  assert.equal(settings.storage.allowCreateMissing, true);
  await assert.rejects(load({ devMode: true, httpAddr: "0.0.0.0:1" }), /loopback only/);
  await assert.rejects(load({ devMode: true }, { env: { HOME: "" } }), /HOME is not set/);
});

Deno.test("loadSettings() finds the Engine by DOCKER_HOST, and warns if it cannot use it", async () => {
  const unix = await load({}, { env: { DOCKER_HOST: "unix:///run/user/1/docker.sock" } });
  assert.equal(unix.docker.socket, "/run/user/1/docker.sock");
  const tcp = await load({}, { env: { DOCKER_HOST: "tcp://1.2.3.4:2375" } });
  assert.equal(tcp.docker.socket, "/var/run/docker.sock");
  assert.match(tcp.warnings[0]!, /DOCKER_HOST/);
});

Deno.test("loadSettings() refuses flags that it cannot use, with a hint", async () => {
  for (
    const options of [{ logLevel: "loud" }, { logFormat: "xml" }, { httpAddr: "x" }, { config: "/none.yaml" }]
  ) {
    await assert.rejects(load(options), (error: RuneError) => error.hint !== undefined);
  }
});

Deno.test("loadSettings() routes host names on 80 and 443 as root, on 7880 and 7843 elsewhere, or as the runefile says", async () => {
  const ports = async (options: ServeOptions, more: Parameters<typeof load>[1] = {}) => {
    const { httpPort, httpsPort } = (await load(options, more)).expose;
    return [httpPort, httpsPort];
  };
  assert.deepEqual(await ports({}), [80, 443]);
  assert.deepEqual(await ports({}, { isRoot: false }), [7880, 7843]);
  assert.deepEqual(await ports({ devMode: true }), [7880, 7843]);
  const files = {
    "/r.yaml":
      "expose:\n  http-port: 8000\n  httpsPort: ${TLS}\n  acme-email: a@example.com\n  caddy: /opt/caddy\n",
    "/same.yaml": "expose: { httpPort: 443 }",
  };
  const { expose } = await load({ config: "/r.yaml" }, { files, env: { TLS: "8001" } });
  assert.deepEqual(expose, {
    httpPort: 8000,
    httpsPort: 8001,
    acmeEmail: "a@example.com",
    caddy: "/opt/caddy",
  });
  await assert.rejects(load({ config: "/same.yaml" }, { files }), (error: RuneError) => {
    assert.match(`${error.message}; ${error.hint}`, /httpPort and httpsPort are both 443; .*different ports/);
    return error.code === "invalid_argument";
  });
});

Deno.test("loadSettings() has no backups by default, keeps seven if they are on, and warns if everything is on one disk", async () => {
  assert.equal((await load({})).backup, undefined);
  const from = (text: string) => load({}, { files: { "/etc/rune/runefile.yaml": text } });
  const some = await from("backup: { every: 1d, dir: /mnt/b }\n");
  const defaults = { everyMs: 86_400_000, keep: 7, dir: "/mnt/b", withKek: false, volumes: [] };
  assert.deepEqual([some.backup, some.warnings], [defaults, []]);
  const all = await from(
    'backup: { every: 6h, keep: "3", dir: /var/lib/rune/b, with-kek: true, with-volumes: [prod/pgdata] }\n',
  );
  const backup = {
    everyMs: 21_600_000,
    keep: 3,
    dir: "/var/lib/rune/b",
    withKek: true,
    volumes: ["prod/pgdata"],
  };
  assert.deepEqual(all.backup, backup);
  assert.match(all.warnings.join(), /backup\.dir is inside the data directory/);
});

Deno.test("loadSettings() warns of allowed host paths that cover directories that are never volumes", async () => {
  const loadAllowing = async (paths: string[]) => {
    const config = `storage: { hostPathAllowlist: [${paths.join(", ")}] }\n`;
    return (await load({}, { files: { "/etc/rune/runefile.yaml": config } })).warnings;
  };
  assert.deepEqual(await loadAllowing(["/srv", "/var/lib/other", "/mnt/data"]), []);
  const warnings = await loadAllowing(["/", "/var/lib", "/var/lib/rune/volumes/prod", "/etc/ssl"]);
  assert.equal(warnings.length, 4);
  assert.match(warnings[0]!, /allowed host path \/ covers .*\/var\/lib\/rune.*\/boot/);
  assert.match(warnings[1]!, /\/var\/lib covers \/var\/lib\/rune, \/var\/lib\/rune\/volumes: /);
  const granted = "grants: { prod: { hostPaths: [/etc] } }\n";
  assert.match(
    (await load({}, { files: { "/etc/rune/runefile.yaml": granted } })).warnings.join(),
    /\/etc covers/,
  );
  assert.deepEqual((await load({ devMode: true })).warnings, [], "~/.rune/volumes lies beside ~/.rune/data");
});
