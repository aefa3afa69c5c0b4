/** Tests that hopeless waits end at once with a reason, and report nothing from before. @module */
import assert from "node:assert/strict";
import { processService, SLEEP } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

const write = (host: Host, text: string) => host.file(`cast-${crypto.randomUUID()}.yaml`, text);
const never = "  health: { readiness: { type: exec, command: [test, -e, /nowhere], intervalSeconds: 1 } }\n";

Deno.test({
  name: "a cast and a restart that somebody overtakes exit with 5 and name the other change",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const version = (v: number) => processService("web", `  env: { V: "${v}" }\n${never}`);
    const seenAt = async (generation: number) =>
      (await host.get("service", "web")).status.observedGeneration >= generation;
    const first = host.run(["cast", "--timeout", "60s", await write(host, version(1))]);
    await until("it is cast", () => seenAt(1));
    await host.rune("cast", "--no-wait", await write(host, version(2)));
    const { code, stderr } = await first;
    assert.equal(code, 5, stderr);
    assert.match(stderr, /cast did not finish: service default\/web: overtaken by generation 2/);
    assert.match(stderr, /rune history web -n default/);

    const restart = host.run(["restart", "web", "--timeout", "60s"]);
    await until("it is restarting", async () => {
      const { items } = await host.get("instances");
      return items.some((i: { spec: { restartedAt?: string } }) => i.spec.restartedAt !== undefined);
    });
    await host.rune("restart", "web", "--no-wait");
    const overtaken = await restart;
    assert.equal(overtaken.code, 5, overtaken.stderr);
    assert.match(overtaken.stderr, /overtaken by another restart/);
  },
});

Deno.test({
  name: "a restart of a crashing service ends early with the reason, as a cast does",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const bad = `${host.home}/bad`;
    const script = `test -e ${bad} && { echo broken; exit 7; }; ${SLEEP}`;
    await host.rune(
      "cast",
      "--timeout",
      "40s",
      await write(host, processService("web", "  scale: 2\n", script)),
    );
    await Deno.writeTextFile(bad, "");
    const began = performance.now();
    const { code, stderr } = await host.run(["restart", "web", "--timeout", "120s"]);
    assert.equal(code, 1, stderr);
    assert.ok(performance.now() - began < 60_000);
    assert.match(
      stderr,
      /restart failed: service default\/web: web-1\S* crashed \d+ times in a row: it exited with code 7/,
    );
  },
});

Deno.test({
  name:
    "a program that puts itself in the background fails its cast at once, with a hint to run in the foreground",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const idle = 1_000_000 + Math.floor(Math.random() * 1_000_000);
    const script = `(sleep ${idle} &); echo started in the background; exit 0`;
    const began = performance.now();
    const { code, stderr } = await host.run([
      "cast",
      "--timeout",
      "60s",
      await write(host, processService("background", "", script)),
    ]);
    assert.equal(code, 1, stderr);
    assert.ok(performance.now() - began < 30_000);
    assert.match(
      stderr,
      /background-0 ended \S+.*: it exited with code 0 and it left 1 process behind.*in the foreground/,
    );
    assert.match(await host.rune("get", "services", "-o", "wide"), /InBackground/);
  },
});

Deno.test({
  name: "a cast and describe show no warnings of an earlier service with the same name",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const makeBroken = (code: number) => processService("web", "  restart: never\n", `exit ${code}`);
    await host.run(["cast", "--timeout", "40s", await write(host, makeBroken(41))]);
    assert.match(await host.rune("describe", "web"), /code 41/);
    await host.rune("delete", "web", "--yes");
    const { stderr } = await host.run(["cast", "--timeout", "40s", await write(host, makeBroken(42))]);
    assert.match(stderr, /code 42/);
    assert.doesNotMatch(stderr, /code 41/);
    const described = await host.rune("describe", "web");
    assert.match(described, /code 42/);
    assert.doesNotMatch(described, /code 41/);
    assert.match(await host.rune("events"), /code 41/, "what happened stays in the list of events");
    assert.doesNotMatch(await host.rune("events", "--for", "service/web"), /code 41/);
    assert.doesNotMatch(await host.rune("status"), /code 41/);
  },
});
