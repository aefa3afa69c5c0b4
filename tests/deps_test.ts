/** Dependencies: nothing starts before what it needs, and nothing stops because of it. @module */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { containerService, processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const statusOf = async (host: Host, ...name: string[]) => (await host.get("service", ...name)).status;
const castNow = async (host: Host, text: string) =>
  await host.rune("cast", "--no-wait", await host.file("cast.yaml", text));

Deno.test({
  name:
    "a service waits for its dependencies and says for which, gives up in time, starts when they come, outlives them",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const flag = `${host.home}/ready`;
    const app = processService(
      "app",
      "  dependencies: [{ name: db, readyWhen: healthy, timeoutSeconds: 2 }]\n",
    );
    await castNow(host, app);
    const waiting = await until("it waits", async () => {
      const status = await statusOf(host, "app");
      return status.reason === "DependencyNotReady" && status;
    });
    assert.match(waiting.message, /default\/db to be healthy \(it does not exist; cast it\)/);
    const late = await until("it has given up", async () => {
      const status = await statusOf(host, "app");
      return status.state === "Failed" && status;
    });
    assert.match(late.message, /waited 2 s in vain for default\/db/);
    assert.equal((await host.run(["deps", "check", "app"])).code, 1);

    const probe =
      `  health: { readiness: { type: exec, command: [test, -e, ${flag}], intervalSeconds: 1 } }\n`;
    await castNow(host, processService("db", probe));
    await until("db runs", async () => (await host.get("instance", "db-0")).status.state === "Running");
    assert.equal((await host.get("instance", "app-0")).status.run, 0, "running is not healthy");
    await Deno.writeTextFile(flag, "");
    await until("app runs", async () => (await statusOf(host, "app")).state === "Running");
    assert.match(await host.rune("deps", "check", "app"), /default\/db +healthy +no +Running +yes/);
    assert.match(
      await host.rune("deps", "graph", "app"),
      /default\/app Running\n└─ default\/db \(healthy\) Running/,
    );
    assert.match(await host.rune("deps", "dependents", "db"), /default\/app +healthy/);

    const { pid } = (await host.get("instance", "app-0")).status;
    await host.rune("stop", "db");
    await host.rune("deps", "dependents", "db");
    const after = (await host.get("instance", "app-0")).status;
    assert.deepEqual([after.pid, after.state, after.restarts], [pid, "Running", 0]);
  },
});

Deno.test({
  name:
    "an optional dependency that does not exist holds nothing up; a circle across casts is refused with its way",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const optional = "  dependencies: [{ name: cache, optional: true }]\n";
    await host.rune("cast", await host.file("a.yaml", processService("a", optional)), "--timeout", "20s");
    const circle = await host.file("b.yaml", processService("cache", "  dependencies: [{ name: a }]\n"));
    const { code, stderr } = await host.run(["cast", circle]);
    assert.equal(code, 6, stderr);
    assert.match(stderr, /default\/cache → default\/a → default\/cache/);
  },
});

Deno.test({
  name:
    "a service finds one of another namespace, on which it depends, by its full name, and nobody else does",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    await castNow(host, containerService("db", "  namespace: data\n"));
    await castNow(host, containerService("app", "  dependencies: [{ name: db.data.rune }]\n"));
    await castNow(host, containerService("stranger"));
    await until("all run", async () =>
      (await host.get("instances", "-A")).items.length === 3 &&
      (await host.get("instances", "-A")).items.every((i: { status: { ready: boolean } }) => i.status.ready));
    const lookup = (from: string, name: string) => host.run(["exec", from, "--", "nslookup", name]);
    const found = await until("app finds it", async () => {
      const { code, stdout } = await lookup("app", "db.data.rune");
      return code === 0 && stdout;
    });
    const ip = /Name:\s+db\.data\.rune\s+Address: ([\d.]+)/.exec(found)![1]!;
    await host.rune("exec", "app", "--", "ping", "-c", "1", "-W", "5", ip);
    assert.notEqual((await lookup("stranger", "db.data.rune")).code, 0);
    assert.notEqual((await lookup("app", "db")).code, 0, "a short name means the own namespace");
  },
});
