/**
 * Tests that exposed services are reachable: by port on this machine, and by host name at any scale, through
 * a Caddy that outlives the daemon.
 * @module
 */
import assert from "node:assert/strict";
import { caddyFiles } from "../node/proxy/caddy/config.ts";
import { isAlive } from "../node/proxy/caddy/caddy_process.ts";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { processService } from "./castfiles.ts";
import { fetchByName, freePorts, upgradeByName } from "./by_name.ts";
import { type Host, startHost, until } from "./host.ts";
import { noCaddy, noDocker, noRoot } from "./skips.ts";

const ignore = noDocker || noRoot || noCaddy;

/** A web server that returns its name, and exits at once on request. */
const WEB =
  "mkdir /w; echo $HOSTNAME $V > /w/index.html; httpd -f -p 8080 -h /w & trap 'kill $!; exit' TERM; wait";

function web(more: string, name = "web"): string {
  return `service:\n  name: ${name}\n  image: ${TEST_IMAGE}\n  command: ${
    JSON.stringify(["/bin/sh", "-c", WEB])
  }\n  ports: [{ name: http, port: 8080 }]\n${more}`;
}

interface Exposed {
  host: Host;
  httpPort: number;
  httpsPort: number;
}

async function exposingHost(more = ""): Promise<Exposed & AsyncDisposable> {
  const [httpPort, httpsPort] = freePorts(2) as [number, number];
  const runefile = `expose: { httpPort: ${httpPort}, httpsPort: ${httpsPort}${more} }\n`;
  const host = await startHost({ runefile });
  return { host, httpPort, httpsPort, [Symbol.asyncDispose]: () => host[Symbol.asyncDispose]() };
}

const cast = async (host: Host, ...texts: string[]) =>
  await host.rune("cast", await host.file("cast.yaml", texts.join("---\n")));

/** The names that answer, over enough requests to reach every instance. */
async function whoAnswers(port: number, name: string): Promise<string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < 12; i++) {
    const { status, body } = await fetchByName(port, name);
    seen.add(status === 200 ? body.trim() : `${status}`);
  }
  return [...seen].sort();
}

const answeredBy = (who: string[], { httpPort }: Exposed, name: string) =>
  until(
    `${name} is answered by ${who.join(", ")}`,
    async () => (await whoAnswers(httpPort, name)).join() === who.join(),
  );

/** Whether a host name leads anywhere, as Caddy reads it. */
async function leadsSomewhere(host: Host, name: string): Promise<boolean> {
  const { routes } = caddyFiles(`${host.dataDir}/proxy`);
  const entries = await Array.fromAsync(Deno.readDir(`${routes}/${name}`)).catch(() => []);
  return entries.some((entry) => entry.name.includes(":8080"));
}

const caddyLives = (host: Host) => isAlive(caddyFiles(`${host.dataDir}/proxy`));

/** The pid of the host's own Caddy. */
function caddyPid(host: Host): number {
  for (const { name } of Deno.readDirSync("/proc")) {
    try {
      const isOurs = Deno.readLinkSync(`/proc/${name}/cwd`) === `${host.dataDir}/proxy`;
      if (isOurs && Deno.readTextFileSync(`/proc/${name}/comm`) === "caddy\n") return Number(name);
    } catch {
      // Not a process, or gone.
    }
  }
  throw new Error("no Caddy of this host runs");
}

Deno.test({
  name:
    "expose.host routes by name to every ready instance in turn, follows readiness, and reports when none is ready",
  ignore,
  async fn() {
    await ensureTestImage();
    await using exposed = await exposingHost();
    const { host, httpPort, httpsPort } = exposed;
    assert.equal(caddyLives(host), false, "nothing listens before there is a name to route");
    await cast(host, web("  scale: 3\n  expose: { port: http, host: Web.local }\n"));
    await answeredBy(["web-0", "web-1", "web-2"], exposed, "web.local");
    assert.match(await host.rune("get", "services"), new RegExp(`web .* http://web\\.local:${httpPort} `));
    const urls = [`http://web.local:${httpPort}`, `https://web.local:${httpsPort}`];
    const { status } = await host.get("service", "web");
    assert.deepEqual(status.exposure, { host: "web.local", urls });
    assert.match(
      await host.rune("describe", "service", "web"),
      new RegExp(`port http at ${urls.join(", ")}`),
    );
    assert.equal((await fetchByName(httpPort, "other.local")).status, 404);

    await host.rune("scale", "web", "1");
    await answeredBy(["web-0"], exposed, "web.local");
    await host.rune("stop", "web");
    await answeredBy(["503"], exposed, "web.local");
    const answer = await fetchByName(httpPort, "web.local");
    assert.match(answer.body, /^web\.local: no instance is ready to answer; try again in a moment\n$/);
    assert.equal(answer.headers["retry-after"], "1");
    await host.rune("scale", "web", "2");
    await answeredBy(["web-0", "web-1"], exposed, "web.local");

    await host.rune("delete", "web", "--yes");
    await until("Caddy has gone with the last name", async () => !caddyLives(host));
  },
});

Deno.test({
  name: "a route appears within a second of readiness, and disappears within a second of its end",
  ignore,
  async fn() {
    await ensureTestImage();
    await using exposed = await exposingHost();
    const { host } = exposed;
    const upstreams = async () => caddyLives(host) && await leadsSomewhere(host, "quick.local");
    const isReady = async () => {
      const answer = await fetch(`${host.daemon.url}/v1/namespaces/default/instances/web-0`);
      const body = await answer.json();
      return answer.ok && body.status.ready === true;
    };
    /** Milliseconds from a change of readiness to the change of the route. */
    const delayOf = async (value: boolean) => {
      await until(`ready is ${value}`, async () => await isReady() === value);
      const since = performance.now();
      await until(`the route is ${value}`, async () => await upstreams() === value);
      return performance.now() - since;
    };
    const castfile = web("  restart: never\n  expose: { port: http, host: quick.local }\n");
    const casting = cast(host, castfile);
    const appeared = await delayOf(true);
    await casting;
    assert.ok(appeared < 1000, `the route appeared after ${appeared} ms`);
    const { status: { handle } } = await host.get("instance", "web-0");
    const kill = new Deno.Command("docker", { args: ["kill", handle], stdout: "null" }).output();
    const gone = await delayOf(false);
    assert.ok((await kill).success);
    assert.ok(gone < 1000, `the route went after ${gone} ms`);
    assert.equal((await fetchByName(exposed.httpPort, "quick.local")).status, 503);
  },
});

Deno.test({
  name: "a start-first rollout of a named service answers every request",
  ignore,
  async fn() {
    await ensureTestImage();
    await using exposed = await exposingHost();
    const { host, httpPort } = exposed;
    const service = (v: string) =>
      web(`  scale: 2\n  env: { V: ${v} }\n  expose: { port: http, host: roll.local }\n`);
    await cast(host, service("one"));
    await answeredBy(["web-0 one", "web-1 one"], exposed, "roll.local");
    let over = false;
    const failures: string[] = [];
    let requests = 0;
    const ask = async () => {
      while (!over) {
        requests++;
        const { status, body } = await fetchByName(httpPort, "roll.local");
        if (status !== 200) failures.push(`${status} ${body}`);
      }
    };
    const clients = [ask(), ask(), ask()];
    await cast(host, service("two"));
    await until(
      "only the new ones answer",
      async () => (await whoAnswers(httpPort, "roll.local")).every((who) => who.endsWith(" two")),
    );
    over = true;
    await Promise.all(clients);
    assert.deepEqual(failures.slice(0, 3), [], `${failures.length} of ${requests} requests failed`);
    assert.ok(requests > 20, `only ${requests} requests`);
  },
});

Deno.test({
  name: "HTTPS uses a certificate of Caddy's own authority, stored below the data directory",
  ignore,
  async fn() {
    await ensureTestImage();
    await using exposed = await exposingHost();
    const { host, httpPort, httpsPort } = exposed;
    await cast(host, web("  expose: { port: http, host: tls.local }\n"));
    await answeredBy(["web-0"], exposed, "tls.local");
    const ca = await Deno.readTextFile(`${host.dataDir}/proxy/storage/pki/authorities/local/root.crt`);
    const answer = await until("HTTPS answers", () => fetchByName(httpsPort, "tls.local", { ca }));
    assert.equal(answer.body.trim(), "web-0");
    assert.equal((await fetchByName(httpPort, "tls.local")).status, 200, "and plain HTTP is not sent on");
    const { mode } = await Deno.stat(`${host.dataDir}/proxy`);
    assert.equal(mode! & 0o77, 0, "its socket and keys are nobody else's");
  },
});

Deno.test({
  name: "WebSockets go through, to a process service too",
  ignore: noRoot || noCaddy,
  async fn() {
    await using exposed = await exposingHost();
    const { host, httpPort } = exposed;
    const [port] = freePorts(1) as [number];
    const echo = await host.file(
      "echo.ts",
      `Deno.serve({ hostname: "127.0.0.1", port: ${port} }, (request) => {
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.onmessage = ({ data }) => socket.send("echo " + data);
        return response;
      });`,
    );
    await cast(
      host,
      `service:\n  name: echo\n  process: { command: ${Deno.execPath()}, args: [run, --no-lock, --allow-net, ${echo}], ` +
        `env: { DENO_DIR: ${host.home}/deno } }\n  expose: { port: ${port}, host: echo.localhost }\n`,
    );
    const reply = await until(
      "the echo comes back",
      () => upgradeByName(httpPort, "echo.localhost", "hello"),
    );
    assert.equal(reply, "echo hello");
  },
});

Deno.test({
  name: "a restarted daemon takes over its running Caddy, and restarts a killed one",
  ignore,
  async fn() {
    await ensureTestImage();
    await using exposed = await exposingHost();
    const { host, httpPort } = exposed;
    await cast(host, web("  scale: 2\n  expose: { port: http, host: kept.local }\n"));
    await answeredBy(["web-0", "web-1"], exposed, "kept.local");
    const pid = caddyPid(host);

    await host.daemon.stop("SIGKILL");
    assert.deepEqual(
      await whoAnswers(httpPort, "kept.local"),
      ["web-0", "web-1"],
      "it serves without the daemon",
    );
    await host.restart();
    await host.rune("scale", "web", "1");
    await answeredBy(["web-0"], exposed, "kept.local");
    assert.equal(caddyPid(host), pid, "the same Caddy");

    Deno.kill(pid, "SIGKILL");
    await until(
      "another Caddy answers",
      async () => (await fetchByName(httpPort, "kept.local")).status === 200,
    );
    const second = caddyPid(host);
    assert.notEqual(second, pid);

    await host.daemon.stop("SIGKILL");
    Deno.kill(second, "SIGKILL");
    await host.restart();
    await until(
      "a third Caddy answers",
      async () => (await fetchByName(httpPort, "kept.local")).status === 200,
    );

    await host.daemon.stop("SIGTERM");
    assert.equal(
      (await fetchByName(httpPort, "kept.local")).status,
      200,
      "a daemon that stops leaves it too",
    );
    await host.restart();
    await host.rune("delete", "web", "--yes");
    await until("it ends with the last name, adopted or not", async () => !caddyLives(host));
  },
});

Deno.test({
  name: "a Caddy that hangs is replaced, never joined by a second one",
  ignore,
  async fn() {
    await ensureTestImage();
    await using exposed = await exposingHost();
    const { host, httpPort } = exposed;
    await cast(host, web("  expose: { port: http, host: hung.local }\n"));
    await answeredBy(["web-0"], exposed, "hung.local");
    const pid = caddyPid(host);
    Deno.kill(pid, "SIGSTOP");
    await host.rune(
      "cast",
      await host.file("more.yaml", web("  expose: { port: http, host: more.local }\n", "more")),
    );
    await until(
      "both names are answered",
      async () =>
        (await fetchByName(httpPort, "hung.local")).status === 200 &&
        (await fetchByName(httpPort, "more.local")).status === 200,
    );
    assert.notEqual(caddyPid(host), pid);
  },
});

Deno.test({
  name: "expose.port alone publishes the same port, hostPort another one, each for one instance",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost({ runefile: "expose: { caddy: /nowhere/caddy }\n" });
    const [plain, other] = freePorts(2) as [number, number];
    const listening = WEB.replaceAll("8080", String(plain));
    await cast(
      host,
      web(`  expose: { port: ${plain} }\n`, "plain").replace(JSON.stringify(WEB), JSON.stringify(listening)),
      web(`  expose: { port: http, hostPort: ${other} }\n`, "other"),
    );
    for (const [port, who] of [[plain, "plain-0"], [other, "other-0"]] as const) {
      const answer = await until(`port ${port} answers`, () => fetchByName(port, "anything"));
      assert.equal(answer.body.trim(), who);
    }
    assert.match(await host.rune("get", "services"), new RegExp(`plain .* 0\\.0\\.0\\.0:${plain}/tcp `));
    const refused = await host.run(["scale", "plain", "2"]);
    assert.equal(refused.code, 6, refused.stderr);
    assert.match(refused.stderr, /published to one instance: expected scale 1, found 2/);
    assert.match(refused.stderr, /expose\.host leads to any number of instances/);
  },
});

Deno.test({
  name:
    "without Caddy a host name is reported with what to install, the service runs, and is exposed once Caddy is there",
  ignore,
  async fn() {
    await ensureTestImage();
    const program = `${await Deno.makeTempDir({ prefix: "rune-caddy-" })}/caddy`;
    await using exposed = await exposingHost(`, caddy: ${program}`);
    const { host } = exposed;
    const castfile = await host.file("named.yaml", web("  expose: { port: http, host: late.local }\n"));
    const told = await host.run(["cast", castfile]);
    assert.equal(told.code, 0, told.stderr);
    assert.match(told.stdout + told.stderr, /Running, 1\/1 ready, but late\.local is not exposed: .*install/);
    const { status } = await host.get("service", "web");
    assert.deepEqual([status.state, status.reason], ["Running", "NotExposed"]);
    assert.match(status.message, /there is no program .*caddy.*install/);
    await Deno.symlink("/usr/bin/caddy", program);
    await answeredBy(["web-0"], exposed, "late.local");
    await until(
      "the reason is gone",
      async () => (await host.get("service", "web")).status.reason === undefined,
    );
    await Deno.remove(program.slice(0, program.lastIndexOf("/")), { recursive: true });
  },
});

Deno.test({
  name: "a taken proxy port is reported with what to do, and used once it is free",
  ignore,
  async fn() {
    await ensureTestImage();
    await using exposed = await exposingHost();
    const { host, httpPort } = exposed;
    {
      using _listener = Deno.listen({ hostname: "127.0.0.1", port: httpPort });
      await cast(host, web("  expose: { port: http, host: taken.local }\n"));
      const { message } = (await host.get("service", "web")).status;
      assert.match(message, new RegExp(`port ${httpPort} cannot be had.*in use.*expose\\.httpPort`));
    }
    await answeredBy(["web-0"], exposed, "taken.local");
  },
});

Deno.test({
  name: "two services with the same host name or port are refused at cast, and the error names the other",
  ignore: noRoot,
  async fn() {
    await using host = await startHost({ runefile: "expose: { caddy: /nowhere/caddy }\n" });
    const makeStopped = (name: string, expose: string) =>
      processService(name, `  scale: 0\n  expose: ${expose}\n`);
    await cast(host, makeStopped("one", "{ port: 8080, host: same.local }"));
    const castfile = await host.file("two.yaml", makeStopped("two", "{ port: 8081, host: same.local }"));
    const refused = await host.run(["cast", castfile]);
    assert.equal(refused.code, 6, refused.stderr);
    assert.match(
      refused.stderr,
      /two\.yaml:7:31: .*host name "same\.local" is exposed by service default\/one/,
    );
    const both = [
      makeStopped("one", "{ port: 8080, host: free.local }"),
      makeStopped("two", "{ port: 8081, host: same.local }"),
    ];
    await cast(host, ...both.reverse());
    assert.equal(
      (await host.get("service", "two")).spec.expose.host,
      "same.local",
      "a name can change hands in one cast",
    );
  },
});
