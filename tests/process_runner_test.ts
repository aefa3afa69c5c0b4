/**
 * Tests the promises of docs/process-services.md: limits, privileges, logs, and the effect of a killed
 * daemon.
 * @module
 */
import assert from "node:assert/strict";
import { findCgroupMounts } from "../runners/process/cgroup_mounts.ts";
import { processService, SLEEP } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

const MIB = 1 << 20;
const cannotLimit = noRoot || Object.keys(findCgroupMounts()).length === 0;

const cast = async (host: Host, text: string, ...flags: string[]) =>
  await host.run(["cast", await host.file("p.yaml", text), ...flags]);
const instance = (host: Host) => host.get("instance", "p-0");
/** The size of the logs of all runs on disk, in bytes. */
async function logBytes(host: Host): Promise<number> {
  let blocks = 0;
  const dir = `${host.dataDir}/processes`;
  for await (const run of Deno.readDir(dir)) {
    for (const stream of ["stdout", "stderr"]) {
      blocks += (await Deno.stat(`${dir}/${run.name}/${stream}.log`).catch(() => undefined))?.blocks ?? 0;
    }
  }
  return blocks * 512;
}

Deno.test({
  name: "of a process that prints 1 GiB the last 30 MiB are kept, without slowing it to a halt",
  async fn() {
    await using host = await startHost();
    const line = "x".repeat(1023);
    const script = `yes ${line} | head -c 1073741824; echo THE END; ${SLEEP}`;
    await cast(host, processService("p", "  stopTimeout: 1s\n", script));
    let most = 0;
    await until("all of it is printed", async () => {
      most = Math.max(most, await logBytes(host));
      return (await host.rune("logs", "p", "--tail", "1")) === "THE END\n";
    });
    await until("no more than is kept is on disk", async () => await logBytes(host) <= 32 * MIB);
    assert.ok(most < 700 * MIB, `${Math.round(most / MIB)} MiB at most while it printed`);
    const lines = (await host.rune("logs", "p", "--tail", "3")).trim().split("\n");
    assert.deepEqual(lines, [line, line, "THE END"]);
    await host.rune("delete", "p", "--yes");
  },
});

Deno.test({
  name: "limits of a process are enforced: cpu by quota, memory by the kernel and reported as OutOfMemory",
  ignore: cannotLimit,
  async fn() {
    await using host = await startHost();
    const limits = "  restart: never\n  resources: { cpu: { limit: 200m }, memory: { limit: 48Mi } }\n";
    const burn =
      "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; grep -E 'throttled' /sys/fs/cgroup/cpu*/rune/*/cpu.stat /sys/fs/cgroup/rune/*/cpu.stat 2>/dev/null; " +
      "echo burnt; head -c 300M /dev/zero | tail | wc -c; echo NOT KILLED";
    await cast(host, processService("p", limits, burn), "--no-wait");
    const killed = await until("it is killed", async () => {
      const { status } = await instance(host);
      return status.lastFailure && status;
    });
    const log = await host.rune("logs", "p");
    assert.match(log, /nr_throttled [1-9]/);
    assert.equal(killed.lastFailure.reason, "OutOfMemory");
    assert.match(killed.lastFailure.message, /more memory than its limit/);
  },
});

Deno.test({
  name: "a missing program is reported, and unenforceable settings are refused at cast with the reason",
  async fn() {
    await using host = await startHost();
    const gone = "service:\n  name: p\n  process: { command: /usr/local/bin/no-such-program }\n";
    const { code, stderr } = await cast(host, gone, "--timeout", "20s");
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      /Stalled \(LaunchFailed\): .*\/usr\/local\/bin\/no-such-program is not an executable file.*install it/,
    );
    const refused: [string, RegExp][] = [
      [
        "securityContext: { capAdd: [NET_ADMIN] }",
        /securityContext\.capAdd: cannot be enforced for processes/,
      ],
      ["securityContext: { privileged: true }", /securityContext\.privileged: cannot be enforced/],
      ["securityContext: { seccompProfile: unconfined }", /securityContext\.seccompProfile: cannot/],
      [
        "securityContext: { user: nobody, noNewPrivileges: false }",
        /securityContext\.noNewPrivileges: cannot be false for a process that is not root/,
      ],
      ["env: { a.b: x }", /env\.a\.b: a process cannot be given this variable/],
    ];
    for (const [field, message] of refused) {
      const result = await cast(host, processService("q", `  ${field}\n`));
      assert.equal(result.code, 6, result.stderr);
      assert.match(result.stderr, message);
    }
    const container = await cast(
      host,
      "service:\n  name: c\n  image: x:1\n  securityContext: { capabilities: [] }\n",
    );
    assert.match(container.stderr, /securityContext\.capabilities: cannot be enforced for containers/);
  },
});

Deno.test({
  name: "a process really has its user, group, capabilities and readOnlyFS",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const context =
      "  securityContext: { user: nobody, group: daemon, capabilities: [NET_BIND_SERVICE], readOnlyFS: true, noNewPrivileges: true }\n";
    const script =
      `id -un; id -gn; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status; touch /tmp/x 2>&1; ${SLEEP}`;
    await cast(host, processService("p", context, script));
    const log = await until("it told", async () => {
      const text = await host.rune("logs", "p");
      return /touch/.test(text) && text;
    });
    assert.match(log, /^nobody\ndaemon\n/);
    assert.match(
      log,
      /CapBnd:\s+0000000000000400\nCapEff|CapEff:\s+0000000000000400\nCapBnd:\s+0000000000000400/,
    );
    assert.match(log, /NoNewPrivs:\s+1/);
    assert.match(log, /touch.*Read-only/);
  },
});

Deno.test({
  name:
    "a process survives the daemon and is adopted; its exit code is known whether it ended before or after the next one came",
  async fn() {
    await using host = await startHost();
    const go = `${host.home}/go`;
    const idle = 1_000_000 + Math.floor(Math.random() * 1_000_000);
    const script = `sh -c 'sleep ${idle}' & while ! test -e ${go}; do sleep 0.05; done; exit 42`;
    await cast(host, processService("p", "  restart: never\n", script));
    const before = await instance(host);
    await host.daemon.stop("SIGKILL");
    await host.restart();
    await until("it is adopted", async () => (await instance(host)).status.pid === before.status.pid);
    await Deno.writeTextFile(go, "");
    const waitForEnd = () =>
      until("its end is known", async () => {
        const { status } = await instance(host);
        return status.state === "Stopped" && status.lastFailure;
      });
    assert.equal((await waitForEnd()).exitCode, 42);
    const isLeft = (pid: number) => Deno.stat(`/proc/${pid}`).then(() => true, () => false);
    assert.equal(await isLeft(before.status.pid), false);

    await Deno.remove(go);
    await host.rune("delete", "p", "--yes");
    await cast(host, processService("p", "  restart: never\n", script));
    const { pid } = (await instance(host)).status;
    await host.daemon.stop("SIGKILL");
    await Deno.writeTextFile(go, "");
    await until("it ended without a daemon", async () => !await isLeft(pid));
    await host.restart();
    assert.equal((await waitForEnd()).exitCode, 42);
    // Its whole group is gone, including the background child.
    const { stdout } = await new Deno.Command("pgrep", { args: ["-f", `^sleep ${idle}$`] }).output();
    assert.equal(new TextDecoder().decode(stdout), "");
  },
});
