/**
 * The rows of "When something fails" in docs/operations.md, each with the real program: nothing acknowledged
 * is lost, nothing leaks, and the messages help.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { capture } from "../scripts/command.ts";
import { RUNE } from "../scripts/daemon.ts";
import { openEngine } from "../scripts/engine.ts";
import { containerService, processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { assertNothingLeaked } from "./leaks.ts";
import { noDocker, noLoopDevices, noRoot } from "./skips.ts";

async function cast(host: Host, name: string, value: string): Promise<Response> {
  return await fetch(`${host.daemon.url}/v1/cast`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ resources: [{ kind: "configmap", body: { name, data: { value } } }] }),
  });
}

/** The names of the daemon's configmaps. */
async function configmaps(host: Host): Promise<string[]> {
  const names: string[] = [];
  let next = "";
  do {
    const answer = await fetch(`${host.daemon.url}/v1/configmaps?limit=500${next && `&continue=${next}`}`);
    const page = await answer.json();
    names.push(...page.items.map((c: { name: string }) => c.name));
    next = page.continue ? encodeURIComponent(page.continue) : "";
  } while (next);
  return names;
}

/** Starts a daemon that must refuse: exit code 1, a reason, and what to do. */
async function refusesToStart(args: string[], reason: RegExp): Promise<void> {
  const { code, stdout, stderr } = await capture([...RUNE, "serve", "--http-addr", "127.0.0.1:0", ...args]);
  assert.equal(code, 1, stdout + stderr);
  assert.match(stderr, reason);
  assert.match(stderr, /\nhint: ./);
}

async function run(...argv: string[]): Promise<void> {
  const { code, stderr } = await capture(argv);
  assert.equal(code, 0, `${argv.join(" ")}: ${stderr}`);
}

/** What a test may have left on the machine: loop devices, and mounts below a path. */
async function leftBelow(path: string): Promise<string[]> {
  const loops = (await capture(["losetup", "-l", "-n", "-O", "BACK-FILE"])).stdout;
  const mounts = await Deno.readTextFile("/proc/self/mounts");
  return `${loops}\n${mounts}`.split("\n").filter((line) => line.includes(path));
}

/** A separate filesystem for a data directory. */
async function withDisk(megabytes: number, test: (mountPoint: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "rune-test-disk-" });
  const [image, mountPoint] = [`${dir}/image`, `${dir}/mnt`];
  try {
    await Deno.mkdir(mountPoint);
    await Deno.writeFile(image, new Uint8Array());
    await Deno.truncate(image, megabytes * 1024 * 1024);
    await run("mkfs.ext4", "-q", "-m", "0", image);
    await run("mount", "-o", "loop", image, mountPoint);
    try {
      await test(mountPoint);
    } finally {
      await run("umount", mountPoint);
    }
    // A process of another test with its own mounts may keep a copy of this one until it ends.
    await until("loop device and mount are gone", async () => (await leftBelow(dir)).length === 0);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Uses up every free block. */
function fill(path: string): void {
  using file = Deno.openSync(path, { write: true, create: true, append: true });
  for (let block = new Uint8Array(65_536); block.length >= 512;) {
    try {
      file.writeSync(block);
    } catch {
      block = block.subarray(0, block.length / 2);
    }
  }
}

Deno.test({
  name:
    "on a full disk casts are refused with the reason, acknowledged data and runs stay, and writes resume later",
  ignore: noLoopDevices,
  fn: () =>
    withDisk(24, async (mountPoint) => {
      await using host = await startHost({ dataDir: `${mountPoint}/data` });
      await host.rune("cast", await host.file("p.yaml", processService("agent")));
      const pid = (await host.get("instances")).items[0].status.pid;
      fill(`${mountPoint}/filler`);
      const acknowledged: string[] = [];
      const refused = await until("a cast is refused", async () => {
        const name = `c-${acknowledged.length}`;
        const answer = await cast(host, name, "x".repeat(20_000));
        const problem = await answer.json();
        if (!answer.ok) return problem;
        acknowledged.push(name);
      });
      assert.deepEqual([refused.code, refused.status], ["unavailable", 503]);
      assert.match(refused.hint, /room/);
      assert.ok(
        (await fetch(`${host.daemon.url}/metrics`).then((r) => r.text())).match(
          /commit_failures_total [1-9]/,
        ),
      );
      const command = await host.run([
        "cast",
        await host.file("c.yaml", `configmap: { name: cli, data: { v: "${"x".repeat(20_000)}" } }\n`),
      ]);
      assert.deepEqual([command.code, /hint: .*room/.test(command.stderr)], [1, true]);
      assert.deepEqual((await configmaps(host)).sort(), acknowledged.sort());
      assert.equal((await host.run(["admin", "backup", "--out", `${host.home}/b.tgz`])).code, 1);
      Deno.kill(pid, "SIGCONT");

      await Deno.remove(`${mountPoint}/filler`);
      await until("casts work again", async () => {
        const answer = await cast(host, "after", "x");
        await answer.body?.cancel();
        return answer.ok;
      });
      await host.daemon.stop("SIGKILL");
      await host.restart();
      assert.deepEqual((await configmaps(host)).sort(), [...acknowledged, "after"].sort());
      await until(
        "the process is adopted",
        async () => (await host.get("instances")).items[0].status.pid === pid,
      );
      await host.rune("admin", "backup", "--out", `${host.home}/b.tgz`);
      await assertNothingLeaked(host);
      await host.rune("delete", "service", "agent", "--yes");
      await assertNothingLeaked(host);
    }),
});

Deno.test({
  name: "a read-only data directory is refused with the reason, and works again once it is writable",
  ignore: noLoopDevices,
  fn: () =>
    withDisk(16, async (mountPoint) => {
      await using host = await startHost({ dataDir: `${mountPoint}/data` });
      await (await cast(host, "kept", "x")).body?.cancel();
      await host.daemon.stop();
      await run("mount", "-o", "remount,ro", mountPoint);
      await refusesToStart(
        ["--data-dir", `${mountPoint}/data`],
        /cannot use the data directory.*[Rr]ead-only/,
      );
      await run("mount", "-o", "remount,rw", mountPoint);
      await host.restart();
      assert.deepEqual(await configmaps(host), ["kept"]);
      await assertNothingLeaked(host);
    }),
});

Deno.test({
  name: "a truncated, overwritten or missing state is refused with how to restore it, and a restore works",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    for (let n = 0; n < 20; n++) await (await cast(host, `c-${n}`, "x".repeat(5_000))).body?.cancel();
    const backup = `${host.home}/b.tgz`;
    await host.rune("admin", "backup", "--out", backup);
    const before = (await configmaps(host)).sort();
    await host.daemon.stop();
    const state = `${host.dataDir}/state.db`;
    const whole = await Deno.readFile(state);
    const damages: [what: string, damage: () => Promise<void>][] = [
      ["cut in half", () => Deno.truncate(state, whole.length / 2)],
      ["overwritten", () => Deno.writeFile(state, new Uint8Array(whole.length).fill(7))],
      ["emptied", () => Deno.truncate(state, 0)],
      ["gone", () => Deno.remove(state)],
    ];
    for (const [what, damage] of damages) {
      await damage();
      const args = ["--data-dir", host.dataDir];
      const refused = await capture([...RUNE, "serve", "--http-addr", "127.0.0.1:0", ...args]);
      assert.equal(refused.code, 1, `${what}: ${refused.stdout}${refused.stderr}`);
      assert.match(refused.stderr, /state\.db.*\nhint: .*rune admin restore/, what);
      for await (const { name } of Deno.readDir(host.dataDir)) {
        if (name.startsWith("state.")) await Deno.remove(`${host.dataDir}/${name}`);
      }
      await host.rune("admin", "restore", backup, ...args);
      await host.restart();
      assert.deepEqual((await configmaps(host)).sort(), before, what);
      await assertNothingLeaked(host);
      await host.daemon.stop();
    }
  },
});

Deno.test({
  name: "a data directory in use and a taken address are refused without harm to anybody",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    await refusesToStart(
      ["--data-dir", host.dataDir],
      new RegExp(`another process \\(pid ${host.daemon.pid}\\) uses the data directory`),
    );
    const other = `${host.home}/other`;
    await refusesToStart(
      ["--data-dir", other, "--http-addr", host.daemon.url.slice("http://".length)],
      /cannot listen on .*: the address is in use/,
    );
    assert.equal((await cast(host, "works", "x").then(async (a) => (await a.text(), a))).status, 200);
    // The daemon that could not listen has released its directory.
    await host.rune("admin", "backup", "--out", `${host.home}/b.tgz`);
    const restored = await host.run(["admin", "restore", `${host.home}/b.tgz`, "--data-dir", other]);
    assert.match(restored.stderr, /already holds a state/);
    await assertNothingLeaked(host);
  },
});

/** Casts the service `web`, which writes a volume. */
async function castWeb(host: Host): Promise<void> {
  const text = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n---\n" +
    containerService("web", "  volumes:\n    - { name: d, mountPath: /data, claim: { name: v } }\n");
  await host.rune("cast", await host.file("c.yaml", text));
}

/** The only instance, once it runs in another container than before. */
function nextRun(host: Host, before: { status: { handle: string } }) {
  return until("another container runs", async () => {
    const [now] = (await host.get("instances")).items;
    return now.status.state === "Running" && now.status.handle !== before.status.handle && now;
  });
}

Deno.test({
  name: "a container removed behind Rune's back is replaced at once, on the same volume",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    await castWeb(host);
    await host.rune("exec", "web", "--", "sh", "-c", "echo kept > /data/f");
    const [before] = (await host.get("instances")).items;
    const engine = openEngine();
    await engine.call(`DELETE /containers/${before.status.handle}?force=1`);
    const after = await nextRun(host, before);
    assert.equal(after.uid, before.uid);
    assert.equal(await host.rune("exec", "web", "--", "cat", "/data/f"), "kept\n");
    engine.close();
    await assertNothingLeaked(host);
  },
});

Deno.test({
  name: "a crashed container that somebody restarts beside its successor is killed at once and reported",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    await castWeb(host);
    const [before] = (await host.get("instances")).items;
    const engine = openEngine();
    await engine.call(`POST /containers/${before.status.handle}/kill`);
    const after = await nextRun(host, before);
    await engine.call(`POST /containers/${before.status.handle}/start`);
    const filters = encodeURIComponent(JSON.stringify({ label: [`rune.io/daemon=${host.daemonId}`] }));
    await until("only the successor is left", async () => {
      const containers = await engine.call(`GET /containers/json?all=1&filters=${filters}`) as {
        Id: string;
      }[];
      return containers.length === 1 && containers[0]!.Id === after.status.handle;
    });
    engine.close();
    await until(
      "it is told, which comes after the removal",
      async () => /StrayRun +.*run 1 was started again/.test(await host.rune("events")),
    );
    assert.equal((await host.get("instances")).items[0].status.restarts, after.status.restarts);
    await assertNothingLeaked(host);
  },
});

Deno.test({
  name: "1,000 casts from 50 clients at once are all answered, and each is whole after a SIGKILL",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const results: number[] = [];
    await Promise.all(Array.from({ length: 50 }, async (_, client) => {
      for (let n = 0; n < 20; n++) {
        const resources = ["a", "b"].map((part) => ({
          kind: "configmap",
          body: { name: `c-${client}-${n}-${part}`, data: { value: "x" } },
        }));
        const answer = await fetch(`${host.daemon.url}/v1/cast`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ resources }),
        });
        await answer.text();
        results.push(answer.status);
      }
    }));
    assert.deepEqual(results.filter((status) => status !== 200), []);
    await host.daemon.stop("SIGKILL");
    await host.restart();
    assert.equal(new Set(await configmaps(host)).size, 2_000);
    await assertNothingLeaked(host);
  },
});
