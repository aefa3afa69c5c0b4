/** Tests dependencies: nothing starts before its dependencies, and nothing stops because of them. @module */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { containerService, processService, SLEEP } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { makePrivateEngine } from "./private_engine.ts";
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

/** Kills a process and its whole group. */
function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch {
    // It has already ended.
  }
}

Deno.test({
  name: "services wait for dependencies again after everything was down, but not after a single crash",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const [up, log] = [`${host.home}/up`, `${host.home}/order`];
    await Deno.writeTextFile(up, "");
    const probe = `  health: { readiness: { type: exec, command: [test, -e, ${up}], intervalSeconds: 1 } }\n`;
    const text = processService("db", probe, `echo db >> ${log}; ${SLEEP}`) + "---\n" +
      processService(
        "app",
        "  dependencies: [{ name: db, readyWhen: healthy }]\n",
        `echo app >> ${log}; ${SLEEP}`,
      );
    await host.rune("cast", "--timeout", "40s", await host.file("cast.yaml", text));
    const statusOfRun = async (name: string) => (await host.get("instance", name)).status;

    // After its own crash it restarts at once, although its dependency is not there.
    await host.rune("stop", "db");
    Deno.kill((await statusOfRun("app-0")).pid, "SIGKILL");
    await until("app was started again", async () => {
      const { restarts, state } = await statusOfRun("app-0");
      return restarts === 1 && state === "Running";
    });
    await host.rune("scale", "db", "1", "--timeout", "40s");

    // Everything went down, as with the host, and db takes its time.
    const pids = [(await statusOfRun("db-0")).pid, (await statusOfRun("app-0")).pid];
    await host.daemon.stop("SIGKILL");
    pids.forEach((pid) => Deno.kill(pid, "SIGKILL"));
    pids.forEach(killGroup);
    await Deno.remove(up);
    await Deno.writeTextFile(log, "");
    await host.restart();
    const waiting = await until("app waits", async () => {
      const status = await statusOfRun("app-0");
      return status.reason === "DependencyNotReady" && status;
    });
    assert.match(waiting.message, /waits for default\/db to be healthy/);
    await until("db runs", async () => (await statusOfRun("db-0")).state === "Running");
    assert.equal(await Deno.readTextFile(log), "db\n");
    await Deno.writeTextFile(up, "");
    await until("app runs", async () => (await statusOfRun("app-0")).state === "Running");
    assert.equal(await Deno.readTextFile(log), "db\napp\n");
    assert.equal((await statusOfRun("app-0")).awaitsSince, undefined);
  },
});

for (const meanwhile of ["", " while the daemon was down"]) {
  Deno.test({
    name: `after a restart of the Engine${meanwhile} a container waits for its dependency again`,
    ignore: noDocker || noRoot,
    async fn() {
      await using engine = await makePrivateEngine();
      await engine.start();
      await using host = await startHost({ runefile: `docker: { socket: ${engine.socket} }\n` });
      const probe = (seconds: number) =>
        `  health: { readiness: { type: exec, command: [test, -e, /tmp/up], intervalSeconds: ${seconds} } }\n`;
      const slow = JSON.stringify(["/bin/sh", "-c", `sleep 4; touch /tmp/up; ${SLEEP}`]);
      const text = containerService("db", probe(1)).replace(/command: .*/, () => `command: ${slow}`) +
        "---\n" +
        containerService("app", "  dependencies: [{ name: db, readyWhen: healthy }]\n");
      await host.rune("cast", "--timeout", "60s", await host.file("cast.yaml", text));
      const statusOfRun = async (name: string) => (await host.get("instance", name)).status;
      const before = [await statusOfRun("db-0"), await statusOfRun("app-0")];
      if (meanwhile) await host.daemon.stop("SIGTERM");
      await engine.stop("SIGTERM");
      await engine.start();
      if (meanwhile) await host.restart();
      const after = await until("both are ready again", async () => {
        const both = [await statusOfRun("db-0"), await statusOfRun("app-0")];
        return both.every(({ ready, startedAt }, i) => ready && startedAt > before[i].startedAt) && both;
      });
      const [db, app] = after as [{ readyAt: string }, { startedAt: string }];
      assert.ok(
        app.startedAt >= db.readyAt,
        `app started at ${app.startedAt}, db was ready at ${db.readyAt}`,
      );
    },
  });
}

Deno.test({
  name: "a missing optional dependency blocks nothing; a cycle across casts is refused with its path",
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
  name: "only a dependent service finds a service of another namespace, by its full name",
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
