/**
 * Tests casts that overtake each other during a handover of instances: callers of the service notice nothing.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

/** A web server that returns its version and takes two seconds to end; `bad` never listens. */
function webService(version: string): string {
  const serve = version === "bad" ? "sleep 1000" : "httpd -f -p 80 -h /tmp/w";
  const script = `mkdir /tmp/w; echo ${version} > /tmp/w/index.html; trap 'sleep 2; exit 0' TERM; ` +
    `${serve} & wait`;
  return `service:
  name: web
  image: ${TEST_IMAGE}
  command: ${JSON.stringify(["/bin/sh", "-c", script])}
  ports: [{ name: http, port: 80 }]
  health: { readiness: { type: http, port: http, intervalSeconds: 1 } }
  update: { timeout: 10s }
`;
}

const CALLS =
  `while :; do r=$(printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 web 80 2>&1); case "$r" in *200*) ` +
  `echo "ok \${r##*[!a-z0-9]}";; *) echo "bad $r";; esac; done`;
const caller = `service:
  name: caller
  image: ${TEST_IMAGE}
  command: ${JSON.stringify(["/bin/sh", "-c", CALLS])}
`;

const answers = async (host: Host) =>
  (await host.rune("logs", "caller")).trim().split("\n").filter((line) => line !== "");
const hears = (host: Host, version: string) =>
  until(`the caller hears ${version}`, async () => (await answers(host)).at(-1) === `ok ${version}`);

interface Told {
  name: string;
  deletionRequestedAt?: string;
  status: { ready: boolean };
}
const instances = async (host: Host): Promise<Told[]> =>
  (await host.get("instances")).items.filter((i: Told) => i.name.startsWith("web"));

Deno.test({
  name:
    "a cast during the handover of another cast, a version that never becomes ready, and a rollback lose no request",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const cast = async (text: string, ...flags: string[]) =>
      await host.run(["cast", await host.file("cast.yaml", text), "--timeout", "40s", ...flags]);
    assert.equal((await cast(webService("one"))).code, 0);
    assert.equal((await cast(caller)).code, 0);
    await hears(host, "one");

    await cast(webService("two"), "--no-wait");
    await until("the first version leaves while the second is ready", async () => {
      const all = await instances(host);
      return all.some((i) => i.deletionRequestedAt) &&
        all.some((i) => i.name === "web-0-next" && i.status.ready);
    });
    const third = await cast(webService("bad"));
    assert.equal(third.code, 1, third.stderr);
    await hears(host, "two");
    assert.equal((await host.get("service", "web")).status.ready, 1);

    await host.rune("rollback", "web", "--to-generation", "1");
    await hears(host, "one");
    const all = await answers(host);
    assert.deepEqual(all.filter((line) => !line.startsWith("ok ")), []);
    assert.ok(all.includes("ok two"));
    await until("nothing is left over", async () => (await instances(host)).length === 1);
  },
});
