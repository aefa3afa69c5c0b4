/**
 * Tests rollouts: callers do not notice one that works, and one that does not work takes nothing away.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

/** A web server that takes half a second to start and returns its version. */
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

/** Calls a service by name, again and again, and prints the answers. */
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

/** Waits until the caller has an answer from this version. Returns the number of answers so far. */
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

const serviceStatus = async (host: Host, name: string) => (await host.get("service", name)).status;
/** A process service whose check passes while a file exists. */
const makeCheckedService = (host: Host, name: string, env: string, more = "") =>
  processService(
    name,
    `  env: { V: ${env} }\n` +
      `  health: { readiness: { type: exec, command: [sh, -c, "test -e ${host.home}/$V"], intervalSeconds: 1 } }\n` +
      more,
  );

Deno.test({
  name:
    "a rollout that does not become ready stops and keeps the old instances; with update.rollback it returns by itself",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    await Deno.writeTextFile(`${host.home}/good`, "");
    const update = (rollback: boolean) => `  scale: 2\n  update: { timeout: 2s, rollback: ${rollback} }\n`;
    await cast(host, makeCheckedService(host, "web", "good", update(false)));
    const kept = (await host.get("instances")).items.map((i: { uid: string }) => i.uid).sort();
    const bad = await host.file("bad.yaml", makeCheckedService(host, "web", "bad", update(false)));
    const stalled = await host.run(["cast", bad, "--timeout", "30s"]);
    assert.equal(stalled.code, 1, stalled.stderr);
    assert.match(stalled.stderr, /goes no further; old instances are kept/);
    const { items } = await host.get("instances");
    assert.deepEqual(
      items.filter((i: { status: { ready: boolean } }) => i.status.ready).map((i: { uid: string }) => i.uid)
        .sort(),
      kept,
    );

    assert.match(await host.rune("rollback", "web"), /rolled back, as generation 3 \(Running, 2\/2 ready\)/);
    assert.equal((await host.get("service", "web")).spec.env.V, "good");
    const after = (await host.get("instances")).items.map((i: { uid: string }) => i.uid).sort();
    assert.deepEqual(after, kept, "going back restarts nothing that never changed");

    const again = await host.file("again.yaml", makeCheckedService(host, "web", "bad", update(true)));
    const failed = await host.run(["cast", again, "--timeout", "30s"]);
    assert.equal(failed.code, 1, failed.stderr);
    assert.match(failed.stderr, /generation 4 was rolled back to 3/);
    await until("it runs as before", async () => (await serviceStatus(host, "web")).state === "Running");
    const { generation, spec, status } = await host.get("service", "web");
    assert.deepEqual([generation, spec.env.V, status.revert.to], [5, "good", 3]);
    assert.match(await host.rune("events"), /RolledBack/);
    const current = await host.run(["rollback", "web", "--to-generation", "5"]);
    assert.equal(current.code, 5, current.stderr);
    assert.equal((await host.run(["rollback", "web", "--to-generation", "77"])).code, 4);
  },
});

Deno.test({
  name: "a cast and a scale in the middle of a rollout: the last request wins, and nothing is left over",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    for (const flag of ["one", "three"]) await Deno.writeTextFile(`${host.home}/${flag}`, "");
    await cast(host, makeCheckedService(host, "web", "one", "  scale: 2\n"));
    const castfile = await host.file("two.yaml", makeCheckedService(host, "web", "two", "  scale: 2\n"));
    await host.rune("cast", "--no-wait", castfile);
    await until("the rollout is under way", async () => (await host.get("instances")).items.length === 3);
    await host.rune("scale", "web", "3", "--no-wait");
    await until("a third runs as well", async () => (await host.get("instances")).items.length === 4);
    await cast(host, makeCheckedService(host, "web", "three", "  scale: 3\n"));
    const names = await until("nothing is left over", async () => {
      const { items } = await host.get("instances");
      return items.length === 3 && items.map((i: { name: string }) => i.name);
    });
    assert.deepEqual(names, ["web-0", "web-1", "web-2"]);
  },
});

Deno.test({
  name:
    "a gradual scale proceeds without its client, and returns if a step fails; a later scale overrides it",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    // Instances from the fourth on never become ready.
    const only =
      `  update: { timeout: 2s }\n  health: { readiness: { type: exec, command: [sh, -c, "test -e ${host.home}/go"], ` +
      `intervalSeconds: 1 } }\n`;
    await Deno.writeTextFile(`${host.home}/go`, "");
    await cast(host, processService("api", only));
    const gradual = ["--mode=gradual", "--step=2", "--interval=1s"];
    await host.rune("scale", "api", "5", ...gradual, "--no-wait");
    await host.daemon.stop("SIGKILL");
    await host.restart();
    await until("all five are ready", async () => (await serviceStatus(host, "api")).ready === 5);
    const { items } = await host.get("instances");
    const [, one, two, three, four] = items.map((i: { createdAt: string }) => Date.parse(i.createdAt));
    assert.equal(one, two, "two at a time");
    // The interval starts at the decision, and the instances are stamped at its commit, a moment later.
    assert.ok(three === four && three - two >= 500, "the next two after the interval");

    await Deno.remove(`${host.home}/go`);
    await until("all have noticed", async () => (await serviceStatus(host, "api")).ready === 0);
    await Deno.writeTextFile(`${host.home}/go`, "");
    await until("all are back", async () => (await serviceStatus(host, "api")).ready === 5);

    await host.rune("scale", "api", "9", ...gradual, "--interval=1h", "--no-wait");
    await until("the first step is made", async () => (await serviceStatus(host, "api")).ready === 7);
    await host.rune("scale", "api", "1", "--timeout", "30s");
    assert.equal((await host.get("instances")).items.length, 1);

    await Deno.remove(`${host.home}/go`);
    const failing = await host.run(["scale", "api", "3", ...gradual]);
    assert.equal(failing.code, 1, failing.stderr);
    assert.match(failing.stderr, /scaling to 3 failed at 3 and went back to 1/);
    assert.equal((await host.get("service", "api")).spec.scale, 1);
    assert.equal((await host.run(["scale", "api", "3", "--step=2"])).code, 2);
  },
});
