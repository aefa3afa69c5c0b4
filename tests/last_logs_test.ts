/**
 * The last output of instances that are gone: after stop, restart, update, crash and automatic rollback, of
 * containers and processes. It is kept until the service is deleted, and never shown for another service with
 * the same name. No hint leads to missing output.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

/** Prints `first`, and `last` when asked to end. */
const speaker = (first: string, last: string) =>
  `trap 'echo ${last}; exit 0' TERM; echo ${first}; while :; do sleep 0.05; done`;

const KINDS = [
  {
    kind: "container",
    ignore: noDocker || noRoot,
    service: (name: string, script: string, more = "") =>
      `service:\n  name: ${name}\n  image: ${TEST_IMAGE}\n  command: ${
        JSON.stringify(["sh", "-c", script])
      }\n${more}`,
  },
  {
    kind: "process",
    ignore: noRoot,
    service: (name: string, script: string, more = "") =>
      `service:\n  name: ${name}\n  process: { command: /bin/sh, args: ${
        JSON.stringify(["-c", script])
      } }\n${more}`,
  },
];

async function cast(host: Host, text: string, ...flags: string[]) {
  return await host.run(["cast", await host.file("cast.yaml", text), ...flags]);
}

/** The output of `rune logs`, by stream. */
async function logs(host: Host, ...args: string[]): Promise<{ lines: string[]; said: string }> {
  const { code, stdout, stderr } = await host.run(["logs", ...args]);
  assert.equal(code, 0, stderr);
  // A shell of the host reports the sleep that ended with it.
  return { lines: stdout.split("\n").filter((line) => line !== "" && line !== "Terminated"), said: stderr };
}

/**
 * Waits until this is the whole output of `rune logs web`: a service without a check is ready before its
 * command has printed.
 */
async function untilPrinted(host: Host, ...lines: string[]): Promise<void> {
  await until(`it has printed ${lines}`, async () => {
    const now = await logs(host, "web");
    return now.said === "" && now.lines.join() === lines.join();
  });
}

/** The output of `rune get`. */
async function list(host: Host, kind: string) {
  const { items } = await host.get(kind);
  // deno-lint-ignore no-explicit-any
  return items as any[];
}

async function listKept(host: Host): Promise<string[]> {
  return await Array.fromAsync(Deno.readDir(`${host.dataDir}/logs`), ({ name }) => name).catch(() => []);
}

for (const { kind, ignore, service } of KINDS) {
  Deno.test({
    name:
      `the last output of a ${kind} is kept after stop, restart, update and crash, until its service goes`,
    ignore,
    fn: async (t) => {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      const first = await cast(host, service("web", speaker("one", "one ends")));
      assert.equal(first.code, 0, first.stderr);
      await untilPrinted(host, "one");

      await t.step("restart", async () => {
        await host.rune("restart", "web");
        const previous = await logs(host, "web", "--previous");
        assert.deepEqual(previous.lines, ["one", "one ends"]);
        assert.match(previous.said, /^web-0 \(generation 1\) stopped \d+s ago; this is its last output$/m);
        await untilPrinted(host, "one");
      });

      await t.step("update", async () => {
        assert.equal((await cast(host, service("web", speaker("two", "two ends")))).code, 0);
        assert.deepEqual((await logs(host, "web", "--previous")).lines, ["one", "one ends"]);
        await untilPrinted(host, "two");
      });

      await t.step("stop", async () => {
        await host.rune("stop", "web");
        for (const args of [["web"], ["web", "--previous"], ["web-0"], ["instance/web-0"]]) {
          assert.deepEqual((await logs(host, ...args)).lines, ["two", "two ends"], args.join(" "));
        }
        assert.match((await logs(host, "web")).said, /^web-0 stopped \d+s ago; this is its last output$/m);
        assert.deepEqual((await logs(host, "web", "--tail", "1", "--grep", "one|two")).lines.slice(1), []);
        assert.deepEqual((await logs(host, "web", "--since", "0s")).lines, []);
        assert.equal((await host.run(["logs", "web-1"])).code, 4);
      });

      await t.step("a daemon that is killed while it stops one", async () => {
        const slow = "trap 'sleep 2; echo slowly; exit 0' TERM; echo three; while :; do sleep 0.05; done";
        assert.equal((await cast(host, service("web", slow))).code, 0);
        await untilPrinted(host, "three");
        const stopping = host.run(["stop", "web"]);
        await until("it stops", async () => (await list(host, "instances"))[0]?.status.state === "Stopping");
        await host.daemon.stop("SIGKILL");
        await stopping;
        await host.restart();
        await until("it is gone", async () => (await list(host, "instances")).length === 0);
        const { lines } = await logs(host, "web");
        assert.deepEqual(lines, ["three", "slowly"]);
      });

      await t.step("another service of the same name", async () => {
        assert.equal((await listKept(host)).length, 1);
        await host.rune("delete", "web", "--yes");
        await until("it is forgotten", async () => (await listKept(host)).length === 0);
        assert.equal((await cast(host, service("web", "exec sleep 3600"))).code, 0);
        const { lines, said } = await logs(host, "web");
        assert.deepEqual([lines, said], [[], "web-0 runs, and has printed nothing yet\n"]);
        assert.equal((await host.run(["logs", "web", "--previous"])).code, 4);
      });

      await t.step("crash", async () => {
        const text = service("once", "echo I fail; exit 3", "  restart: never\n");
        await cast(host, text, "--no-wait");
        const hint = await until("it has failed", async () => {
          const { status } = await host.get("instance", "once-0");
          return /exited with code 3.*; its output: rune (logs once-0 .*)$/.exec(status.message ?? "")?.[1];
        });
        assert.deepEqual((await logs(host, ...hint.split(" ").slice(1))).lines, ["I fail"]);
        const { lines, said } = await logs(host, "once");
        assert.deepEqual(lines, ["I fail"]);
        assert.match(said, /^once-0 exited with code 3 \d+s ago; this is its last output$/m);
      });

      await t.step("a crash without a word", async () => {
        await cast(host, service("mute", "exit 3", "  restart: never\n"), "--no-wait");
        const message: string = await until(
          "it has failed",
          async () =>
            (await host.get("instance", "mute-0"))?.status
              .lastFailure && (await host.get("instance", "mute-0")).status.message,
        );
        assert.equal(message, "it exited with code 3, and is not started again; it printed nothing");
        assert.match(
          (await logs(host, "mute")).said,
          /^mute-0 exited with code 3 \d+s ago, and printed nothing$/m,
        );
      });
    },
  });

  Deno.test({
    name:
      `an automatic rollback keeps the output of the failed successor of a ${kind}, and its hint leads there`,
    ignore,
    fn: async () => {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      // Only the good version creates its file and becomes ready.
      const update = (file: string) =>
        "  update: { timeout: 10s, rollback: true }\n  health:\n    readiness: { type: exec, intervalSeconds: 1, command: " +
        `${JSON.stringify(["test", "-e", file])} }\n`;
      const file = kind === "container" ? "/tmp/good" : `${host.home}/good`;
      const good = service("web", `touch ${file}; ${speaker("good", "good ends")}`, update(file));
      assert.equal((await cast(host, good)).code, 0);
      const failed = await cast(host, service("web", "echo cannot start; exit 1", update(`${file}.never`)));
      assert.notEqual(failed.code, 0);
      await until(
        "it was rolled back",
        async () => (await host.get("service", "web")).status.revert !== undefined,
      );
      await until("the successor is gone", async () => (await list(host, "instances")).length === 1);
      const { message } = (await host.get("service", "web")).status.revert;
      const hint = /rune logs (\S+ -n default --previous)/.exec(message)?.[1];
      assert.ok(hint, message);
      assert.deepEqual((await logs(host, ...hint.split(" "))).lines, ["cannot start"]);
      const previous = await logs(host, "web", "--previous");
      assert.deepEqual(previous.lines, ["cannot start"]);
      assert.match(previous.said, /^web-0(-next)? \(generation 2\) (stopped|exited with code 1) \d+s ago/m);
      assert.deepEqual((await logs(host, "web")).lines, ["good"]);
    },
  });

  Deno.test({
    name: `what an init step of a ${kind} printed is kept, and one that was not reached says so`,
    ignore,
    fn: async () => {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      const step = (name: string, script: string) =>
        `    - { name: ${name}, restartPolicy: Never, command: ${
          JSON.stringify(["/bin/sh", "-c", script])
        } }\n`;
      const steps = `  initSteps:\n${step("keys", "echo no key; exit 2")}${step("migrate", "echo migrated")}`;
      await cast(host, service("web", speaker("up", "down"), steps), "--no-wait");
      await until(
        "the step has failed",
        async () => (await host.get("instance", "web-0")).status.state === "Stalled",
      );
      assert.deepEqual((await logs(host, "web", "--init-step", "keys")).lines, ["no key"]);
      const unreached = await logs(host, "web", "--init-step", "migrate");
      assert.deepEqual(unreached.lines, []);
      assert.match(unreached.said, /^init step migrate of web-0 was not reached/m);
      const main = await logs(host, "web");
      assert.match(
        main.said,
        /^web-0 has not run yet: it is Stalled \(init step keys .*--init-step keys\)$/m,
      );
      await host.rune("stop", "web");
      const after = await logs(host, "web", "--init-step", "keys");
      assert.deepEqual(after.lines, ["no key"]);
      assert.match(after.said, /^init step keys of web-0 exited with code 2 \d+s ago/m);
    },
  });
}
