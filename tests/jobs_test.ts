/**
 * Tests jobs: success is Completed and stays so, failures say how, and dependents wait for the end of a job.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { allowPath, containerService, hostVolume, processService, SLEEP } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const container = (name: string, more: string, script: string) =>
  containerService(name, more).replace(
    /command: .*/,
    () => `command: ${JSON.stringify(["/bin/sh", "-c", script])}`,
  );

/** The same promises hold for both runners. */
const KINDS = [
  { kind: "container", ignore: noDocker || noRoot, service: container },
  { kind: "process", ignore: noRoot, service: processService },
];

const cast = async (host: Host, text: string, ...args: string[]) =>
  await host.run(["cast", "--timeout", "40s", ...args, await host.file("cast.yaml", text)]);
const runOf = async (host: Host, name = "job-0") => (await host.get("instance", name)).status;
const lineOf = async (host: Host, ...args: string[]) =>
  (await host.rune("get", "services", "--no-headers", ...args)).split("\n").find((l) => l.startsWith("job"))!;

for (const { kind, ignore, service } of KINDS) {
  Deno.test({
    name:
      `a ${kind} job that ends well is Completed: cast and restart know it, and only a change or a restart ` +
      "runs it again",
    ignore,
    async fn() {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      const job = (word: string) => service("job", "  restart: on-failure\n", `echo ${word}`);
      const first = await cast(host, job("once"));
      assert.equal(first.code, 0, first.stderr);
      assert.match(first.stdout, /service default\/job created \(Completed\)/);
      assert.match(await lineOf(host), /^job +(container|process) +Completed +1\/1 /);
      const { startedAt, run, lastFailure, crashes } = await runOf(host);
      assert.deepEqual([run, lastFailure, crashes], [1, undefined, 0]);
      assert.match(await host.rune("logs", "job"), /^once$/m);
      const described = await host.rune("describe", "job");
      assert.doesNotMatch(described, /crash|Rollout:/i);
      assert.match(described, /^Status: +Completed$/m);

      const again = await cast(host, job("once"));
      assert.deepEqual([again.code, /unchanged \(Completed\)/.test(again.stdout)], [0, true], again.stderr);
      await host.daemon.stop("SIGKILL");
      await host.restart();
      await host.rune("get", "services");
      assert.deepEqual(
        [(await runOf(host)).startedAt, (await runOf(host)).run],
        [startedAt, 1],
        "neither a cast without a change nor a new daemon runs it again",
      );

      const changed = await cast(host, job("twice"));
      assert.equal(changed.code, 0, changed.stderr);
      assert.match(await host.rune("logs", "job"), /^twice$/m);
      const { items } = await host.get("instances");
      assert.deepEqual(items.map((i: { metadata?: unknown; name: string }) => i.name), ["job-0"]);
      const before = (await runOf(host)).startedAt;
      assert.match(await host.rune("restart", "job", "--timeout", "40s"), /job restarted \(Completed\)/);
      assert.notEqual((await runOf(host)).startedAt, before);
      assert.equal((await host.get("service", "job")).status.rolloutStartedAt, undefined);
    },
  });

  Deno.test({
    name:
      `a ${kind} job that fails is Failed with its exit code, and a cast of it ends at once with the place of its output`,
    ignore,
    async fn() {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      const job = (script: string) => service("job", "  restart: never\n", script);
      const failed = await cast(host, job("sleep 2; echo cannot migrate; exit 3"));
      assert.equal(failed.code, 1, failed.stdout + failed.stderr);
      assert.match(failed.stderr, /job-0 failed: it exited with code 3, and is not started again/);
      const [, hinted] = /its output: rune (logs \S+ -n default)/.exec(failed.stderr)!;
      assert.match(await host.rune(...hinted!.split(" ")), /^cannot migrate$/m);
      assert.match(await lineOf(host), /Failed +0\/1/);
      assert.match(await lineOf(host, "-o", "wide"), /JobFailed \(exit code 3\)/);
      const { state, exitCode, rolloutStartedAt, readyGenerations } =
        (await host.get("service", "job")).status;
      assert.deepEqual(
        [state, exitCode, rolloutStartedAt, readyGenerations],
        ["Failed", 3, undefined, undefined],
      );
      const again = await cast(host, job("sleep 2; echo cannot migrate; exit 3"));
      assert.equal(again.code, 1, "it is not run again, so it does not end otherwise");
      assert.equal((await runOf(host)).run, 1);
      const corrected = await cast(host, job("echo migrated"));
      assert.equal(corrected.code, 0, corrected.stderr);
      assert.match(await lineOf(host), /Completed +1\/1/);
    },
  });
}

Deno.test({
  name: "a service that waits for a job starts once the job succeeds, and reports at once that it failed",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const set = (script: string) =>
      processService("job", "  restart: never\n", script) + "---\n" +
      processService("app", "  dependencies: [{ name: job, readyWhen: completed }]\n");
    const began = performance.now();
    const failed = await cast(host, set("sleep 1; exit 1"));
    assert.equal(failed.code, 1, failed.stderr);
    assert.ok(performance.now() - began < 20_000, "not only after its time");
    assert.match(
      failed.stderr,
      /app-0 Failed \(DependencyFailed\): waits for default\/job to have completed, but it failed with exit code 1/,
    );
    assert.equal((await runOf(host, "app-0")).run, 0);
    const check = await host.run(["deps", "check", "app"]);
    assert.deepEqual([check.code, /default\/job +completed +no +Failed +no/.test(check.stdout)], [1, true]);

    const corrected = await cast(host, set("sleep 1; echo done"));
    assert.equal(corrected.code, 0, corrected.stderr);
    const [job, app] = [await runOf(host), await runOf(host, "app-0")];
    assert.ok(app.startedAt >= job.finishedAt, `${app.startedAt} is not before ${job.finishedAt}`);
    assert.match(await host.rune("deps", "check", "app"), /default\/job +completed +no +Completed +yes/);
  },
});

Deno.test({
  name: "a finished job releases its volume to the service that waits for it",
  ignore: noRoot,
  async fn() {
    const shared = await Deno.makeTempDir({ prefix: "rune-test-job-" });
    await using host = await startHost({ runefile: allowPath(shared) });
    await using _ = { [Symbol.asyncDispose]: () => Deno.remove(shared, { recursive: true }) };
    const mounts = (path: string) =>
      `  volumes: [{ name: data, mountPath: ${path}, claim: { name: data } }]\n`;
    const at = `${host.home}/data`;
    const text = hostVolume("data", shared) +
      processService("job", `  restart: never\n${mounts(at)}`, `echo made > ${at}/file`) + "---\n" +
      processService(
        "app",
        `  dependencies: [{ name: job, readyWhen: completed }]\n${mounts(at)}`,
        `cat ${at}/file; ${SLEEP}`,
      );
    const { code, stderr } = await cast(host, text);
    assert.equal(code, 0, stderr);
    await until("it read what the job wrote", async () => (await host.rune("logs", "app")).includes("made"));
    assert.equal((await host.get("volume", "data")).status.boundClaim, "default/app-0");
  },
});

Deno.test({
  name: "a job with restart: on-failure is tried again until it ends well",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const counted = `${host.home}/tries`;
    const script = `echo x >> ${counted}; test $(wc -l < ${counted}) -ge 3`;
    const { code, stderr } = await cast(host, processService("job", "  restart: on-failure\n", script));
    assert.equal(code, 0, stderr);
    const { state, restarts } = await runOf(host);
    assert.deepEqual([state, restarts], ["Completed", 2]);
  },
});

Deno.test({
  name: "with update.rollback a failed job returns at once to the last one that succeeded",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const job = (script: string) =>
      processService("job", "  restart: never\n  update: { rollback: true }\n", script);
    assert.equal((await cast(host, job("echo one"))).code, 0);
    const failed = await cast(host, job("echo two; exit 4"));
    assert.equal(failed.code, 1, failed.stderr);
    assert.match(failed.stderr, /generation 2 was rolled back to 1: job-0: it exited with code 4/);
    await until(
      "the first one has run again",
      async () => (await host.get("service", "job")).status.state === "Completed",
    );
    assert.match(await host.rune("logs", "job"), /^one$/m);
  },
});
