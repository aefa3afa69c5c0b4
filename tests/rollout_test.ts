/** Rollouts: nobody who calls a service notices one that works, and one that does not work takes nothing away. @module */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { containerService, processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

/** A web server that takes half a second to come up, and answers with its version. */
function webService(name: string, version: string, more = ""): string {
  const script = `sleep 0.5; mkdir /tmp/w; echo ${version} > /tmp/w/index.html; trap 'exit 0' TERM; ` +
    "httpd -f -p 80 -h /tmp/w & wait";
  return `service:
  name: ${name}
  image: ${TEST_IMAGE}
  command: ${JSON.stringify(["/bin/sh", "-c", script])}
  ports: [{ name: http, port: 80 }]
  health: { readiness: { type: http, port: http, intervalSeconds: 1 } }
${more}`;
}

/** Calls a service by its name, again and again, and prints what it got. */
const CALLER = (name: string) =>
  `while :; do r=$(printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${name} 80 2>&1); case "$r" in *200*) ` +
  `echo "ok \${r##*[!a-z0-9]}";; *) echo "bad $r";; esac; done`;

function callerService(target: string, more = ""): string {
  return `service:
  name: caller
  image: ${TEST_IMAGE}
  command: ${JSON.stringify(["/bin/sh", "-c", CALLER(target)])}
${more}`;
}

async function answers(host: Host, ...scope: string[]): Promise<string[]> {
  return (await host.rune("logs", "caller", ...scope)).trim().split("\n").filter((line) => line !== "");
}

const cast = async (host: Host, text: string, ...flags: string[]) =>
  await host.rune("cast", await host.file("cast.yaml", text), "--timeout", "40s", ...flags);

/** Waits until the caller was answered by this version, and says how many answers it has had. */
const answeredBy = (host: Host, version: string) =>
  until(`the caller hears ${version}`, async () => {
    const lines = await answers(host);
    return lines.at(-1) === `ok ${version}` && lines.length;
  });

Deno.test({
  name: "a rollout, a restart and a scale-down of 3 replicas lose no request of a client that calls by name",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    await cast(host, webService("web", "one", "  scale: 3\n"));
    await cast(host, callerService("web"));
    await answeredBy(host, "one");
    await cast(host, webService("web", "two", "  scale: 3\n"));
    await answeredBy(host, "two");
    await host.rune("restart", "web");
    await host.rune("scale", "web", "1");
    const before = await answeredBy(host, "two");
    await until("it goes on calling", async () => (await answers(host)).length > before + 20);
    const all = await answers(host);
    assert.deepEqual(all.filter((line) => !line.startsWith("ok ")), []);
    assert.ok(all.includes("ok one") && all.includes("ok two"));
  },
});
