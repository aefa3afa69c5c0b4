/**
 * Tests init steps: they run before the main process, in order, exactly once per launch, in containers and
 * processes.
 * @module
 */
import { sleep } from "../base/delay.ts";
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { SLEEP } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

interface Step {
  name: string;
  script: string;
  more?: string;
}

/** The same service for each runner: a volume at `dir`, and steps that are shell scripts. */
interface Form {
  kind: string;
  ignore: boolean;
  open(): Promise<Host>;
  castfile(host: Host, steps: Step[], main?: string): Promise<string>;
}

const sh = (script: string) => JSON.stringify(["/bin/sh", "-c", script]);
const stepsOf = (steps: Step[]) =>
  steps.map(({ name, script, more }) =>
    `    - { name: ${name}, command: ${sh(script)}${more ? `, ${more}` : ""} }\n`
  ).join("");
const volume = (parameters: string) =>
  `volume: { name: data, size: 1Gi, accessMode: ReadWriteOnce${parameters} }\n---\n`;
const mounts = (dir: string, steps: Step[]) =>
  `  env: { DIR: ${dir} }\n  stopTimeout: 1s\n  volumes: [{ name: data, mountPath: ${dir}, claim: { name: data } }]\n` +
  `  initSteps:\n${stepsOf(steps)}`;

const FORMS: Form[] = [{
  kind: "container",
  ignore: noDocker || noRoot,
  async open() {
    await ensureTestImage();
    return await startHost();
  },
  castfile: (host, steps, main = SLEEP) =>
    host.file(
      "web.yaml",
      volume("") +
        `service:\n  name: web\n  image: ${TEST_IMAGE}\n  command: ${sh(main)}\n${mounts("/data", steps)}`,
    ),
}, {
  kind: "process",
  ignore: noRoot,
  open: () => startHost({ runefile: "storage: { hostPathAllowlist: [/tmp], allowCreateMissing: true }\n" }),
  castfile: (host, steps, main = SLEEP) =>
    host.file(
      "web.yaml",
      volume(
        `, storageClassName: local-host, parameters: { hostPath: ${host.home}/data, createIfMissing: "true" }`,
      ) +
        `service:\n  name: web\n  process: { command: /bin/sh, args: ["-c", ${JSON.stringify(main)}] }\n` +
        mounts(`${host.home}/view`, steps),
    ),
}];

const waitForRunning = (host: Host) =>
  until("the service runs", async () => (await host.get("service", "web")).status.state === "Running");
const dataOf = async (host: Host): Promise<string> => (await host.get("volume", "data")).status.handle;
const note = (word: string) => `echo ${word} >> $DIR/log`;

for (const { kind, ignore, open, castfile } of FORMS) {
  Deno.test({
    name: `${kind}: steps run in order with the service's mounts and variables, each when runIf says so`,
    ignore,
    async fn() {
      await using host = await open();
      const file = await castfile(host, [
        { name: "fresh", script: note("fresh"), more: "runIf: freshVolume" },
        {
          name: "missing",
          script: `${note("missing")}; mkdir -p $DIR/sub; touch $DIR/sub/there`,
          more: `runIf: { fileMissing: ${kind === "container" ? "/data" : `${host.home}/view`}/sub/there }`,
        },
        { name: "always", script: note('"always $OWN"'), more: "env: { OWN: mine }" },
      ], `${note("main")}; ${SLEEP}`);
      const { stderr } = await host.run(["cast", file]);
      await waitForRunning(host);
      assert.match(stderr, /init step fresh/, "cast tells of the steps");
      const log = `${await dataOf(host)}/log`;
      const lines = async () => (await Deno.readTextFile(log)).trim().split("\n");
      const first = ["fresh", "missing", "always mine", "main"];
      assert.deepEqual(await lines(), first);
      assert.ok((await host.get("volume", "data")).status.initializedAt);

      await host.rune("restart", "web");
      assert.deepEqual(await lines(), [...first, "always mine", "main"]);
      // Another service on the same volume does not find it fresh either.
      await host.rune("delete", "web", "--yes");
      await Deno.remove(`${await dataOf(host)}/sub/there`);
      await host.rune("cast", file);
      assert.deepEqual((await lines()).slice(6), ["missing", "always mine", "main"]);
    },
  });

  Deno.test({
    name:
      `${kind}: a step that fails is retried alone, says its code, and its log can be read; Never and timeout end it`,
    ignore,
    async fn() {
      await using host = await open();
      const file = await castfile(host, [
        { name: "once", script: note("once") },
        { name: "flaky", script: `${note("flaky")}; echo attempting; test -e $DIR/go || exit 3` },
      ], `${note("main")}; ${SLEEP}`);
      await host.rune("cast", file, "--no-wait");
      const failed = await until("the step has failed twice", async () => {
        const { status } = await host.get("instance", "web-0");
        return status.launchFailures >= 2 && status.reason === "InitStepFailed" && status;
      });
      assert.match(
        failed.message,
        /init step flaky \(2 of 2\) exited with code 3; see: rune logs web-0 .*--init-step flaky/,
      );
      assert.equal(failed.lastFailure.exitCode, 3);
      assert.equal(await host.rune("logs", "web", "--init-step", "flaky"), "attempting\n");
      await until("the service says so too", async () => {
        const { reason, state } = (await host.get("service", "web")).status;
        return state === "Failed" && reason === "InitStepFailed";
      });
      const dir = await dataOf(host);
      await Deno.writeTextFile(`${dir}/go`, "");
      await waitForRunning(host);
      const lines = (await Deno.readTextFile(`${dir}/log`)).trim().split("\n");
      assert.deepEqual([...new Set(lines)], ["once", "flaky", "main"]);
      assert.equal(lines.filter((line) => line === "once").length, 1, "a finished step is not repeated");
      const unknown = await host.run(["logs", "web", "--init-step", "nope"]);
      assert.equal(unknown.code, 4);
      assert.match(unknown.stderr, /it has: once, flaky/);

      const waitForStall = (message: RegExp) =>
        until(`stalled with ${message}`, async () => {
          const instance = (await host.get("instances")).items.find((i: { status: { state: string } }) =>
            i.status.state === "Stalled"
          );
          return instance?.status.reason === "InitStepFailed" && message.test(instance.status.message);
        });
      await host.rune(
        "cast",
        await castfile(host, [
          { name: "never", script: "exit 9", more: "restartPolicy: Never" },
        ]),
        "--no-wait",
      );
      await waitForStall(/init step never \(1 of 1\) exited with code 9/);
      await host.rune(
        "cast",
        await castfile(host, [
          // The step was stopped, so its exit code does not count.
          {
            name: "slow",
            script: "trap 'exit 0' TERM; sleep 60 & wait",
            more: "timeout: 300ms, restartPolicy: Never",
          },
        ]),
        "--no-wait",
      );
      await waitForStall(/init step slow \(1 of 1\) took longer than 300ms/);
    },
  });

  Deno.test({
    name: `${kind}: a daemon killed at any moment neither repeats a finished step nor skips one`,
    ignore,
    async fn() {
      await using host = await open();
      const names = ["a", "b", "c", "d"];
      const file = await castfile(
        host,
        names.map((name) => ({ name, script: `${note(name)}; sleep 0.3; ${note(`${name}-done`)}` })),
        `${note("main")}; ${SLEEP}`,
      );
      await host.rune("cast", file, "--no-wait");
      const lines = async () =>
        (await Deno.readTextFile(`${await dataOf(host)}/log`).catch(() => "")).trim().split("\n");
      for (let kill = 0; kill < 5; kill++) {
        await sleep(100 + 130 * kill);
        await host.daemon.stop("SIGKILL");
        await host.restart();
      }
      await until("the main process runs", async () => (await lines()).includes("main"));
      assert.deepEqual(await lines(), [...names.flatMap((name) => [name, `${name}-done`]), "main"]);
    },
  });

  Deno.test({
    name: `${kind}: deleting a service amid a step stops the step before it gives up the volume`,
    ignore,
    async fn() {
      await using host = await open();
      const idle = 1_000_000 + Math.floor(Math.random() * 1_000_000);
      const file = await castfile(host, [{ name: "long", script: `${note("began")}; sleep ${idle}` }]);
      await host.rune("cast", file, "--no-wait");
      const dir = await until("the step writes", async () => {
        const handle = await dataOf(host);
        return await Deno.stat(`${handle}/log`).then(() => handle);
      });
      await host.rune("delete", "web", "--yes");
      assert.equal((await host.get("volume", "data")).status.state, "Released");
      assert.equal(await Deno.readTextFile(`${dir}/log`), "began\n");
      const { code } = await new Deno.Command("pgrep", { args: ["-f", `^sleep ${idle}$`], stdout: "null" })
        .output();
      assert.equal(code, 1, "nothing of the step is left");
    },
  });
}

Deno.test("init steps that cannot work are refused at cast, each with its position", async () => {
  await using host = await startHost();
  const cast = async (steps: string, more = "") => {
    const { code, stderr } = await host.run(["cast", "-"], {
      stdin: `service:\n  name: web\n  image: x:1\n${more}  initSteps:\n${steps}`,
    });
    assert.equal(code, 6, stderr);
    return stderr;
  };
  const step = (fields: string) => `    - { name: a, command: "true", ${fields} }\n`;
  assert.match(await cast(step("runIf: freshVolume")), /freshVolume needs a volume .*read-write/);
  assert.match(
    await cast(step("runIf: { fileMissing: /x/y }")),
    /\/x\/y is below no volume.*mounted: none/,
  );
  assert.match(await cast(step("runIf: sometimes")), /expected freshVolume, always/);
  assert.match(await cast(step("args: []").repeat(2)), /"a" is used by another step/);
  const process = await host.run(["lint", "-"], {
    stdin: `service:\n  name: p\n  process: { command: "true" }\n  initSteps:\n${step("image: b:1")}`,
  });
  assert.match(process.stderr, /expected no image/);
});
