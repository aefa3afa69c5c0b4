/** The proxy with a real Caddy, on its own ports in its own folder. @module */
import assert from "node:assert/strict";
import type { RuneError } from "../../../model/error.ts";
import type { Route } from "../proxy.ts";
import { createCaddyProxy } from "./caddy_proxy.ts";
import { findCaddy, isAlive, spawnCaddy } from "./caddy_process.ts";
import { caddyConfig, caddyFiles } from "./config.ts";
import { CADDY, leaveCaddy, makeRoom, roomTest as test, routes, signal } from "./test_room.ts";

/** The pids of Caddies in a folder. */
function pidsIn(dir: string): string[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) => {
    try {
      return Deno.readLinkSync(`/proc/${name}/cwd`) === dir &&
        Deno.readTextFileSync(`/proc/${name}/comm`) === "caddy\n";
    } catch {
      return false;
    }
  });
}

async function refusal(promise: Promise<unknown>): Promise<RuneError> {
  let error: RuneError | undefined;
  await promise.catch((thrown) => error = thrown);
  assert.ok(error, "it was accepted");
  return error;
}

/** A connection to the admin API, which Caddy drops whenever it loads a configuration. */
async function connectAdmin(dir: string) {
  const conn = await Deno.connect({ transport: "unix", path: caddyFiles(dir).adminSocket });
  const buffer = new Uint8Array(64 * 1024);
  return {
    async ask(): Promise<boolean> {
      try {
        await conn.write(
          new TextEncoder().encode("GET /config/admin/origins HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        );
        return (await conn.read(buffer) ?? 0) > 0;
      } catch {
        return false;
      }
    },
    close: () => conn.close(),
  };
}

test("apply() starts Caddy for the first route, loads nothing for another, and ends Caddy with the last route", async (room) => {
  const proxy = room.open();
  await proxy.apply([], signal());
  assert.deepEqual(pidsIn(room.dir), []);
  await proxy.apply(routes, signal());
  const pids = pidsIn(room.dir);
  assert.equal(pids.length, 1);
  /** Whether Caddy loads a configuration when these routes are applied. */
  const loads = async (applied: Route[]) => {
    const admin = await connectAdmin(room.dir);
    try {
      assert.ok(await admin.ask());
      await proxy.apply(applied, signal());
      return !await admin.ask();
    } finally {
      admin.close();
    }
  };
  assert.equal(await loads(routes), false, "equal routes were loaded again");
  const more = [...routes, { host: "b.local", upstreams: ["127.0.0.1:1"] }];
  assert.equal(await loads(more), false, "a route closed connections");
  assert.equal(await loads(routes), false, "the end of a route closed connections");
  assert.deepEqual(pidsIn(room.dir), pids);
  await proxy.apply([], signal());
  assert.deepEqual(pidsIn(room.dir), []);
  Deno.listen({ hostname: "127.0.0.1", port: room.serving.httpPort }).close();
});

test("apply() of the next daemon adopts a running Caddy, with other ports too", async (room) => {
  const { serving } = await leaveCaddy(room);
  const pids = pidsIn(room.dir);
  await room.open({ serving }).apply(routes, signal());
  assert.deepEqual(pidsIn(room.dir), pids);
  const answer = await fetch(`http://127.0.0.1:${serving.httpPort}/`);
  assert.equal(answer.status, 404);
  assert.equal(await answer.text(), "no service is exposed under the name 127.0.0.1\n");
  Deno.listen({ hostname: "127.0.0.1", port: room.serving.httpPort }).close();
});

test("several spawnCaddy() at once start one Caddy, as after a daemon that died while starting it", async (room) => {
  const files = caddyFiles(room.dir);
  await Promise.all([1, 2, 3].map(() => spawnCaddy(CADDY, files)));
  const proxy = room.open();
  await proxy.apply(routes, signal());
  assert.equal(pidsIn(room.dir).length, 1);
});

test("events() tells when Caddy is killed, and not when it is ended on purpose", async (room) => {
  const proxy = room.open();
  let ends = 0;
  const ended = Promise.withResolvers<void>();
  const heard = new AbortController();
  const listening = (async () => {
    for await (const _ of proxy.events(heard.signal)) {
      ends++;
      ended.resolve();
    }
  })();
  await proxy.apply(routes, signal());
  const [pid] = pidsIn(room.dir);
  Deno.kill(Number(pid), "SIGKILL");
  await ended.promise;
  assert.equal(isAlive(caddyFiles(room.dir)), false);
  await proxy.apply(routes, signal());
  assert.notEqual(pidsIn(room.dir)[0], pid);
  await proxy.apply([], signal());
  heard.abort();
  await listening;
  assert.equal(ends, 1);
});

test("apply() refuses a port of another Caddy, although the kernel would let both listen", async (one) => {
  await using two = await makeRoom();
  await one.open().apply(routes, signal());
  const serving = { ...two.serving, httpsPort: one.serving.httpsPort };
  const error = await refusal(two.open({ serving }).apply(routes, signal()));
  assert.equal(error.code, "failed_precondition");
  assert.match(error.message, new RegExp(`port ${serving.httpsPort} cannot be had .* in use`));
  assert.match(error.hint!, /expose\.httpsPort/);
  assert.deepEqual(pidsIn(two.dir), []);
});

Deno.test("findCaddy() says what to install if there is no Caddy", async () => {
  const error = await refusal(findCaddy(undefined, "/nowhere:/dev"));
  assert.equal(error.code, "failed_precondition");
  assert.equal(error.message, "Caddy is not installed, but host names need it");
  assert.match(error.hint!, /apt-get install caddy/);
});

test("apply() says what to do if Caddy is missing, does not come up, or has a folder with a too long path", async (room) => {
  const missing = await refusal(room.open({ program: `${room.dir}/caddy` }).apply(routes, signal()));
  assert.equal(missing.code, "failed_precondition");
  assert.match(`${missing.message}; ${missing.hint}`, /there is no program .*expose\.caddy/);
  const broken = await refusal(room.open({ program: "/bin/false" }).apply(routes, signal()));
  assert.match(broken.message, /Caddy did not come up/);
  assert.match(broken.hint!, /start\.log/);
  const long = createCaddyProxy({ dir: `${room.dir}/${"x".repeat(100)}`, serving: room.serving });
  const error = await refusal(long.apply(routes, signal()));
  assert.match(`${error.message}; ${error.hint}`, /too long .* --data-dir/);
});

test("Caddy accepts a caddyConfig() with ACME", async (room) => {
  const files = caddyFiles(room.dir);
  const serving = { ...room.serving, acmeEmail: "ops@example.com" };
  const config = caddyConfig({ files, serving });
  await Deno.mkdir(room.dir);
  await Deno.writeTextFile(`${room.dir}/acme.json`, JSON.stringify(config));
  const { success, stderr } = await new Deno.Command(CADDY, {
    args: ["validate", "--config", `${room.dir}/acme.json`],
    env: { HOME: room.dir, XDG_DATA_HOME: room.dir, XDG_CONFIG_HOME: room.dir },
    stdout: "null",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});
