/**
 * Tests that no request, connection or WebSocket at a host name is lost, whatever happens to its instances or
 * to other names.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { findRunningCaddies } from "../node/proxy/caddy/strays.ts";
import { fetchByName, freePorts } from "./by_name.ts";
import { type Host, startHost, until } from "./host.ts";
import { askAnew, askOnOne, type Client, talk } from "./ingress_clients.ts";
import { noCaddy, noDocker, noRoot } from "./skips.ts";

const ignore = noDocker || noRoot || noCaddy;

/** A web server that finishes its requests when asked to end. */
const WEB = "mkdir /w; echo $V > /w/index.html; httpd -f -p 8080 -h /w & trap 'kill $!; exit' TERM; wait";

const web = (name: string, host: string, { v = "1", scale = 3 } = {}) =>
  `service:\n  name: ${name}\n  image: ${TEST_IMAGE}\n  command: ${
    JSON.stringify(["/bin/sh", "-c", WEB])
  }\n` +
  `  env: { V: "${v}" }\n  scale: ${scale}\n  ports: [{ name: http, port: 8080 }]\n` +
  `  health: { readiness: { type: tcp, port: http, intervalSeconds: 1 } }\n` +
  `  expose: { port: http, host: ${host} }\n`;

const cast = async (host: Host, text: string) =>
  await host.rune("cast", await host.file(`${crypto.randomUUID()}.yaml`, text));

/** A host with a web service of three instances, and an echo for WebSockets with its own name. */
async function withIngress(
  test: (ingress: { host: Host; httpPort: number }) => Promise<void>,
): Promise<void> {
  await ensureTestImage();
  const [httpPort, httpsPort, echoPort] = freePorts(3) as [number, number, number];
  await using host = await startHost({
    runefile: `expose: { httpPort: ${httpPort}, httpsPort: ${httpsPort} }\n`,
  });
  const echo = await host.file(
    "echo.ts",
    `Deno.serve({ hostname: "127.0.0.1", port: ${echoPort} }, (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    });`,
  );
  await cast(
    host,
    `service:\n  name: echo\n  process: { command: ${Deno.execPath()}, args: [run, --no-lock, --allow-net, ${echo}], ` +
      `env: { DENO_DIR: ${host.home}/deno } }\n  ports: [{ name: ws, port: ${echoPort} }]\n` +
      `  health: { readiness: { type: tcp, port: ws, intervalSeconds: 1 } }\n` +
      `  expose: { port: ws, host: echo.local }\n---\n` + web("web", "web.local"),
  );
  await until("the name answers", async () => (await fetchByName(httpPort, "web.local")).status === 200);
  await test({ host, httpPort });
}

/** Does something while clients of all kinds are at work. @returns what they saw. */
async function underLoad(httpPort: number, act: () => Promise<void>) {
  const fresh = askAnew(httpPort, "web.local");
  const kept = askOnOne(httpPort, "web.local");
  const socket = await talk(httpPort, "echo.local");
  const clients: Client[] = [fresh, kept, socket];
  try {
    await until("all are at work", async () => clients.every((client) => client.countDone() > 5));
    await act();
    const before = clients.map((client) => client.countDone());
    await until("all go on", async () => clients.every((client, i) => client.countDone() > before[i]! + 5));
  } finally {
    await Promise.all(clients.map((client) => client.stop()));
  }
  return { fresh, kept, socket };
}

Deno.test({
  name:
    "no request is lost and no connection is closed while a service is updated, restarted and scaled, and names change",
  ignore,
  fn: () =>
    withIngress(async ({ host, httpPort }) => {
      const { fresh, kept, socket } = await underLoad(httpPort, async () => {
        await cast(host, web("web", "web.local", { v: "2" }));
        await host.rune("restart", "web");
        await host.rune("scale", "web", "1");
        await host.rune("scale", "web", "4");
        await cast(host, web("other", "other.local", { scale: 1 }));
        await cast(host, web("other", "renamed.local", { scale: 1 }));
        await host.rune("delete", "other", "--yes");
      });
      assert.deepEqual([fresh.failures, kept.failures, socket.failures], [[], [], []]);
      assert.equal(kept.countOpened(), 1, "its connection was closed");
      assert.ok(
        fresh.countDone() > 100 && kept.countDone() > 100,
        `${fresh.countDone()} and ${kept.countDone()} requests`,
      );
    }),
});

Deno.test({
  name:
    "a killed instance costs no repeatable request, and nothing is lost while the daemon is dead or restarts",
  ignore,
  fn: () =>
    withIngress(async ({ host, httpPort }) => {
      const { fresh, kept, socket } = await underLoad(httpPort, async () => {
        const { status: { handle } } = await host.get("instance", "web-1");
        await new Deno.Command("docker", { args: ["kill", handle], stdout: "null" }).output();
        await until("it is back", async () => {
          const { status } = await host.get("service", "web");
          return status.state === "Running" && status.ready === 3;
        });
        await host.daemon.stop("SIGKILL");
        await fetchByName(httpPort, "web.local");
        await host.restart();
        await host.rune("scale", "web", "2");
        await host.daemon.stop("SIGTERM");
        await host.restart();
      });
      assert.deepEqual([fresh.failures, kept.failures, socket.failures], [[], [], []]);
      assert.equal(kept.countOpened(), 1, "its connection was closed");
    }),
});

Deno.test({
  name: "a killed Caddy is back within two seconds, with every route and its certificates",
  ignore,
  fn: () =>
    withIngress(async ({ host, httpPort }) => {
      const root = () => Deno.readTextFile(`${host.dataDir}/proxy/storage/pki/authorities/local/root.crt`);
      const authority = await root();
      const caddy = async () =>
        (await findRunningCaddies()).find(({ dir }) => dir === `${host.dataDir}/proxy`)!.pid;
      const client = askAnew(httpPort, "web.local");
      await until("it is at work", async () => client.countDone() > 5);
      const pid = await caddy();
      const since = performance.now();
      Deno.kill(pid, "SIGKILL");
      await until("it answers again", async () => {
        return (await fetchByName(httpPort, "web.local")).status === 200;
      });
      const took = performance.now() - since;
      await client.stop();
      assert.notEqual(await caddy(), pid);
      assert.equal(await root(), authority);
      assert.ok(took < 2_000 * SLOWNESS, `it took ${Math.round(took)} ms`);
      console.log(`Caddy was away for ${Math.round(client.longestGap())} ms`);
    }),
});

/** Tests run beside each other on few cores. */
const SLOWNESS = 5;
