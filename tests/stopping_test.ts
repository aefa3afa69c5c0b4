/**
 * Tests how services are stopped: in which order, by which signal, after how long, and what is reported.
 * @module
 */
import assert from "node:assert/strict";
import { sleep } from "../base/delay.ts";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { containerService, processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { readProcess } from "../runners/process/proc.ts";
import { noDocker } from "./skips.ts";

const KINDS = [
  { kind: "process", ignore: false, of: processService },
  {
    kind: "container",
    ignore: noDocker,
    of: (name: string, more: string, script: string) =>
      containerService(name, more).replace(
        /command: .*/,
        () => `command: ${JSON.stringify(["sh", "-c", script])}`,
      ),
  },
] as const;

/** Shuts its child down in order; the child dies without saving if it gets the signal itself. */
const MANAGER = `
  sh -c 'trap "echo child: saved; exit 0" USR1; while :; do sleep 0.1; done' &
  child=$!
  trap 'kill -USR1 $child; wait $child; echo "parent: child ended with $?"; exit 0' TERM
  echo ready
  while :; do sleep 0.1; done`;

/**
 * Casts a service and follows its output. @returns a function that deletes it and returns the whole output.
 */
async function follow(host: Host, name: string, text: string): Promise<() => Promise<string>> {
  await host.rune("cast", await host.file("stopping.yaml", text));
  const output = host.run(["logs", "-f", name]);
  await until(`${name} is ready`, async () => (await host.rune("logs", name)).includes("ready"));
  return async () => {
    await host.rune("delete", name, "--yes");
    return (await output).stdout;
  };
}

for (const { kind, ignore, of } of KINDS) {
  const promises: [name: string, fn: (host: Host) => Promise<void>][] = [];
  const test = (...promise: typeof promises[number]) => promises.push(promise);

  test("a parent ends its child in order; nobody tells the child before it", async (host) => {
    const output = await follow(host, "manager", of("manager", "  stopTimeout: 10s\n", MANAGER));
    await host.rune("stop", "manager");
    assert.match(await output(), /child: saved\nparent: child ended with 0\n$/);
    assert.doesNotMatch(await host.rune("events"), /was killed/);
  });

  test("a stopTimeout beyond what a timer counts is waited for", async (host) => {
    const script = `trap "sleep 1.5; echo saved; exit 0" TERM; echo ready; while :; do sleep 0.1; done`;
    const output = await follow(host, "patient", of("patient", "  stopTimeout: 30d\n", script));
    const began = performance.now();
    await host.rune("stop", "patient");
    assert.ok(performance.now() - began >= 1_400);
    assert.match(await output(), /saved\n$/);
  });

  test("stopSignal alone restarts nothing, and is what the running instance is ended by", async (host) => {
    const script = `trap "" TERM; trap "echo by QUIT; exit 0" QUIT; echo ready; while :; do sleep 0.1; done`;
    const output = await follow(host, "quitter", of("quitter", "", script));
    const before = await host.get("instance", "quitter-0");
    await host.rune("cast", await host.file("again.yaml", of("quitter", "  stopSignal: quit\n", script)));
    const after = await host.get("instance", "quitter-0");
    assert.deepEqual([after.uid, after.status.handle], [before.uid, before.status.handle]);
    assert.equal((await host.get("service", "quitter")).spec.stopSignal, "SIGQUIT");
    await host.rune("stop", "quitter");
    assert.match(await output(), /by QUIT\n$/);
  });

  test("what has to be killed is told of, on the instance and on the service", async (host) => {
    const script = `trap "" TERM; echo ready; while :; do sleep 0.1; done`;
    const output = await follow(host, "deaf", of("deaf", "  stopTimeout: 1s\n", script));
    await host.rune("stop", "deaf");
    const events: { spec: { object: { kind: string }; reason: string; type: string; message: string } }[] =
      (await host.get("events")).items;
    const killed = events.filter(({ spec }) => spec.reason === "Killed");
    assert.deepEqual(killed.map(({ spec }) => spec.object.kind).sort(), ["instance", "service"]);
    for (const { spec } of killed) {
      assert.equal(spec.type, "Warning");
      assert.match(spec.message, /^it did not end within 1s of .* and was killed; raise stopTimeout/);
    }
    await output();
  });

  Deno.test({
    name: `stopping a ${kind}`,
    ignore,
    async fn(t) {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      for (const [name, fn] of promises) await t.step(name, () => fn(host));
    },
  });
}

Deno.test({
  name: "a program that puts itself in the background is reported at once, and leaves nothing running",
  async fn(t) {
    await using host = await startHost();
    const script = (child: string) =>
      `(${child} & echo $! >${host.home}/child); echo started in the background; exit 0`;
    for (
      const [what, child] of [
        ["ends when asked", "sleep 3600"],
        ["takes its time", `sh -c 'trap "sleep 4; exit" TERM; while :; do sleep 0.1; done'`],
      ]
    ) {
      await t.step(`one whose process ${what}`, async () => {
        const path = await host.file("b.yaml", processService("background", "", script(child!)));
        const began = performance.now();
        const { code, stderr } = await host.run(["cast", "--timeout", "60s", path]);
        assert.ok(performance.now() - began < 40_000, "it was told by its time-out");
        assert.equal(code, 1, stderr);
        assert.match(stderr, /left \d process(es)? behind.*run it in the foreground, as with "daemon off;"/);
        const described = await host.rune("describe", "service", "background");
        assert.match(described, /InBackground/);
        await host.rune("delete", "background", "--yes");
        const pid = (await Deno.readTextFile(`${host.home}/child`)).trim();
        assert.equal(readProcess(Number(pid)), undefined);
      });
    }
  },
});

Deno.test({
  name: "waiting for a month uses no CPU and logs little",
  async fn() {
    await using host = await startHost();
    const waiter = "service:\n  name: waiter\n  process: { command: /bin/sleep, args: ['3600'] }\n" +
      "  dependencies: [{ name: not-cast-yet, timeoutSeconds: 2592000 }]\n";
    await host.rune("cast", "--no-wait", await host.file("w.yaml", waiter));
    await until(
      "it waits",
      async () => (await host.get("instance", "waiter-0")).status.reason === "DependencyNotReady",
    );
    const log = `${host.home}/daemon.log`;
    const readFigures = async () => {
      const fields = (await Deno.readTextFile(`/proc/${host.daemon.pid}/stat`)).split(") ")[1]!.split(" ");
      return { ticks: Number(fields[11]) + Number(fields[12]), bytes: (await Deno.stat(log)).size };
    };
    const before = await readFigures();
    await sleep(3_000);
    const after = await readFigures();
    // An overflowed timer used a whole core and logged 50 kB a second.
    assert.ok(after.ticks - before.ticks < 100, `${after.ticks - before.ticks} ticks in 3 s`);
    assert.ok(after.bytes - before.bytes < 5_000, `${after.bytes - before.bytes} bytes in 3 s`);
  },
});
