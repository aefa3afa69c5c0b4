/**
 * Tests health: an instance that does not answer is replaced, one that is not ready cannot be found, and a
 * new daemon remembers both.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { containerService, processService } from "./castfiles.ts";
import { makeAuthority } from "./certificates.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

interface Seen {
  name: string;
  uid: string;
  status: {
    state: string;
    ready: boolean;
    restarts: number;
    reason?: string;
    message?: string;
    lastFailure?: { reason: string; exitCode?: number };
  };
}

const instances = async (host: Host): Promise<Seen[]> => (await host.get("instances")).items;
const cast = async (host: Host, text: string) =>
  await host.rune("cast", await host.file("cast.yaml", text), "--timeout", "40s");

/** A probe that passes while a file exists; checked every second. */
const whileExists = (path: string, failureThreshold = 2) =>
  `{ type: exec, command: [test, -e, ${path}], intervalSeconds: 1, failureThreshold: ${failureThreshold} }`;

Deno.test({
  name: "a failed liveness check kills and replaces the instance; readiness decides who can be found",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const health = `  health: { liveness: ${whileExists("/tmp/alive")}, readiness: ${
      whileExists("/tmp/ready")
    } }\n`;
    const script = `touch /tmp/alive /tmp/ready; trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done`;
    await cast(
      host,
      containerService("web", health).replace(/command: .*/, `command: [/bin/sh, -c, "${script}"]`),
    );
    await cast(host, containerService("client"));
    const finds = async () => (await host.run(["exec", "client", "--", "nslookup", "web"])).code === 0;
    await until("the name is answered", finds);
    assert.match(
      await host.rune("health", "web", "--checks"),
      /web-0 +readiness +exec test -e \/tmp\/ready +passing/,
    );

    await host.rune("exec", "web", "--", "rm", "/tmp/ready");
    const unready = await until("it is Unhealthy", async () => {
      const { status } = (await instances(host)).find((i) => i.name === "web-0")!;
      return status.state === "Unhealthy" && status;
    });
    assert.deepEqual([unready.ready, unready.reason, unready.restarts], [false, "Unhealthy", 0]);
    assert.match(unready.message!, /readiness check failed 2 times in a row: exit code 1/);
    assert.equal(await finds(), false, "a name is answered only for ready instances");
    assert.equal((await host.run(["health", "web"])).code, 1);

    // A new daemon keeps the state: its start makes nobody ready and kills nobody.
    await host.daemon.stop("SIGKILL");
    await host.restart();
    await host.rune("exec", "web", "--", "touch", "/tmp/ready");
    await until("it is ready again", async () => (await host.get("service", "web")).status.ready === 1);
    assert.ok(await finds());

    await host.rune("exec", "web", "--", "rm", "/tmp/alive");
    const replaced = await until("it was replaced", async () => {
      const { status } = (await instances(host)).find((i) => i.name === "web-0")!;
      return status.restarts === 1 && status.ready && status;
    });
    assert.equal(replaced.lastFailure!.reason, "Unhealthy");
    const events = await host.rune("events");
    assert.match(events, /Unhealthy .*liveness check failed 2 times in a row/);
  },
});

Deno.test({
  name:
    "http and tcp probes ask processes by the name of a port; readiness does not flap when the daemon restarts",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const serve = `Deno.serve({ port: ${port}, hostname: '127.0.0.1', onListen() {} }, (r) => ` +
      `new Response('', { status: new URL(r.url).pathname === '/ok' ? 200 : 500 }))`;
    const probes = `  ports: [{ name: web, port: ${port} }]
  health:
    liveness: { type: tcp, port: web, intervalSeconds: 1 }
    readiness: { type: http, port: web, path: /ok, intervalSeconds: 1 }
`;
    const script = `exec ${Deno.execPath()} eval "${serve}"`;
    await cast(host, processService("web", probes, script));
    const before = (await instances(host))[0]!;
    assert.ok(before.status.ready);
    await host.daemon.stop("SIGKILL");
    await host.restart();
    const seen: boolean[] = [];
    await until("both checks were asked by the new daemon", async () => {
      seen.push((await instances(host))[0]!.status.ready);
      const { checks } = JSON.parse(await host.rune("health", "web", "-o", "json"));
      return checks.every((c: { lastAt?: string; passing?: boolean }) => c.lastAt && c.passing);
    });
    assert.ok(seen.every((ready) => ready), "ready at every look");
    assert.equal((await instances(host))[0]!.status.restarts, 0);
    assert.match(await host.rune("health", "web", "--checks"), /http GET :web\/ok +passing.*HTTP 200/);
  },
});

Deno.test({
  name: "an https probe with headers accepts an unknown certificate; without its header it fails and says so",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const pair = { cert: `${host.home}/web.pem`, key: `${host.home}/web.key` };
    await (await makeAuthority(host.home)).issue(pair, "elsewhere.example");
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const server = await host.file(
      "server.ts",
      `Deno.serve({
  port: ${port},
  hostname: "127.0.0.1",
  cert: Deno.readTextFileSync("${pair.cert}"),
  key: Deno.readTextFileSync("${pair.key}"),
}, (request) => new Response(null, { status: request.headers.get("x-probe") === "rune" ? 204 : 403 }));
`,
    );
    const castfile = (header: string) =>
      processService(
        "web",
        `  ports: [{ name: web, port: ${port} }]
  health:
    readiness: { type: http, scheme: https, port: web, path: /, headers: { ${header} }, intervalSeconds: 1 }
`,
        `exec ${Deno.execPath()} run -A ${server}`,
      );
    await cast(host, castfile("X-Probe: rune"));
    assert.match(await host.rune("health", "web", "--checks"), /https GET :web\/ +passing.*HTTP 204/);
    await host.rune("cast", "--no-wait", await host.file("cast.yaml", castfile("X-Other: rune")));
    await until("the check without its header fails", async () => {
      const { stdout } = await host.run(["health", "web", "--checks"]);
      return /https GET :web\/ +failing.*HTTP 403/.test(stdout);
    });
  },
});

Deno.test({
  name:
    "after crashes -o wide shows the exit code, the last output is kept, and failed containers are kept and later removed",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const crashing = containerService("bad").replace(
      /command: .*/,
      `command: [/bin/sh, -c, "echo I fail; exit 3"]`,
    );
    await host.rune("cast", "--no-wait", await host.file("bad.yaml", crashing));
    await until(
      "it is in a crash loop",
      async () => (await host.get("service", "bad")).status.reason === "CrashLoop",
    );
    assert.match(await host.rune("get", "instances", "-o", "wide"), /bad-0 .* CrashLoop +3 /);
    assert.match(await host.rune("logs", "bad", "--previous"), /I fail/);
    await host.rune("delete", "service", "bad", "--yes");
    const { daemonId } = host;
    const { openEngine } = await import("../scripts/engine.ts");
    const engine = openEngine();
    const filters = encodeURIComponent(JSON.stringify({ label: [`rune.io/daemon=${daemonId}`] }));
    assert.deepEqual(await engine.call(`GET /containers/json?all=1&filters=${filters}`), []);
    engine.close();
  },
});

Deno.test({
  name: "a container over its memory limit says OutOfMemory",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const eats = containerService("fat", "  resources: { memory: { limit: 16Mi } }\n")
      .replace(/command: .*/, `command: [/bin/sh, -c, "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done"]`);
    await host.rune("cast", "--no-wait", await host.file("fat.yaml", eats));
    const { message } = await until("it says so", async () => {
      const { status } = await host.get("service", "fat");
      return status.reason === "OutOfMemory" && status;
    });
    assert.match(message, /memory/);
  },
});

for (
  const { kind, ignore, service } of [
    { kind: "container", ignore: noDocker || noRoot, service: containerService },
    { kind: "process", ignore: noRoot, service: processService },
  ]
) {
  Deno.test({
    name:
      `a ${kind} that starts slowly lives on until it has started; from then on liveness counts, and a new ` +
      "daemon asks nothing twice",
    ignore,
    async fn() {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      const base = kind === "container" ? "/tmp/slow" : `${host.home}/slow`;
      const exists = (name: string, failureThreshold: number) =>
        whileExists(`${base}/${name}`, failureThreshold);
      const health = `  health: { startup: ${exists("started", 60)}, liveness: ${exists("alive", 2)} }\n`;
      const script = `mkdir -p ${base}; rm -f ${base}/*; sleep 5; touch ${base}/alive ${base}/started; ` +
        "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done";
      const text = kind === "container"
        ? service("web", health).replace(/command: .*/, `command: [/bin/sh, -c, "${script}"]`)
        : processService("web", health, script);
      await cast(host, text);
      const started = (await instances(host))[0]!;
      assert.deepEqual([started.status.restarts, started.status.ready], [0, true]);
      assert.match(await host.rune("health", "web", "--checks"), /web-0 +startup +exec .* +passing/);

      // Its startup check has passed in this run, so the next daemon does not repeat it.
      await host.rune("exec", "web", "--", "rm", `${base}/started`);
      await host.daemon.stop("SIGKILL");
      await host.restart();
      await until("the new daemon has asked for its life", async () => {
        const { checks } = JSON.parse(await host.rune("health", "web", "-o", "json"));
        return checks.some((c: { check: string; passing?: boolean; lastAt?: string }) =>
          c.check === "liveness" && c.passing && c.lastAt
        );
      });
      assert.match(await host.rune("health", "web", "--checks"), /web-0 +startup +exec .* +passed/);
      assert.equal((await instances(host))[0]!.status.restarts, 0);

      await host.rune("exec", "web", "--", "rm", `${base}/alive`);
      const dead = await until("it was replaced", async () => {
        const { status } = (await instances(host))[0]!;
        return status.restarts === 1 && status;
      });
      assert.match(
        (dead.lastFailure as { message?: string }).message!,
        /liveness check failed 2 times in a row/,
      );
    },
  });
}

Deno.test({
  name: "a program that never starts up is killed in time; without a startup check the message suggests one",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const never = (check: string) => `  health: { ${check}: ${whileExists("/nowhere", 2)} }\n`;
    await host.rune("cast", "--no-wait", await host.file("a.yaml", processService("web", never("startup"))));
    const failure = async () => {
      const found = (await instances(host))[0]?.status.lastFailure as { message: string } | undefined;
      return found?.message;
    };
    assert.match(
      await until("it was killed", failure),
      /it was killed: its startup check failed 2 times in a row/,
    );
    await host.rune("delete", "web", "--yes");
    await host.rune("cast", "--no-wait", await host.file("a.yaml", processService("web", never("liveness"))));
    assert.match(
      await until("it was killed", failure),
      /if it only starts slowly, give it a check health\.startup/,
    );
  },
});
