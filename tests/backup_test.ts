/** Tests with the real program that a backup contains everything and a restore brings it back. @module */
import assert from "node:assert/strict";
import { startDaemon } from "../scripts/daemon.ts";
import { RUNE } from "../scripts/daemon.ts";
import { capture } from "../scripts/command.ts";
import { processService, SLEEP } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

// deno-lint-ignore no-explicit-any -- compared as a whole
async function readEverything(url: string): Promise<any> {
  const kinds = ["services", "volumes", "configmaps", "storageclasses", "namespaces"];
  const api = async (path: string) => (await (await fetch(url + path)).json());
  const lists = await Promise.all(kinds.map((kind) => api(`/v1/${kind}`)));
  const { daemonId } = await api("/v1/status");
  return {
    lists: lists.map(({ items }) => items),
    history: await api("/v1/namespaces/default/services/agent/history"),
    daemonId,
  };
}

async function castThings(host: Host): Promise<void> {
  const text = `volume: { name: data, size: 1Gi, accessMode: ReadWriteOnce, labels: { a: b } }
---
volume: { name: other, namespace: prod, size: 2Gi, accessMode: ReadWriteOnce }
---
configmap: { name: large, data: { text: "${"x".repeat(200_000)}" } }
---
` + processService("agent");
  await host.rune("cast", await host.file("all.yaml", text));
  const { status } = await host.get("volume", "data");
  const plant = "echo kept > f; ln -s f link; mkdir d; chmod 700 d; chown 1000:1001 f; touch -d 2020-01-01 f";
  assert.equal((await capture(["sh", "-c", plant], { cwd: status.handle })).code, 0);
  await host.rune("scale", "agent", "0");
}

Deno.test({
  name: "a backup of a running daemon restores in an empty directory to the same daemon with the same data",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    await castThings(host);
    const out = `${host.home}/b.tgz`;
    const said = await host.run([
      "admin",
      "backup",
      "--out",
      out,
      "--with-kek",
      "--with-volumes",
      "default/data",
    ]);
    assert.equal(said.code, 0, said.stderr);
    assert.match(
      said.stderr,
      /^wrote .*b\.tgz, [\d.]+[KM]i\nthe data of default\/data comes from snapshots: each shows a single moment\n$/,
    );
    assert.equal((await Deno.stat(out)).mode! & 0o777, 0o600);
    const before = await readEverything(host.daemon.url);
    await host.daemon.stop();
    assert.deepEqual(await leftIn(host.dataDir), [], "the daemon's copy of the state is gone");

    const home = await Deno.makeTempDir({ prefix: "rune-test-restored-" });
    try {
      const restored = await host.run(["admin", "restore", out, "--data-dir", `${home}/.rune`]);
      assert.equal(restored.code, 0, restored.stderr);
      assert.match(restored.stdout, /1 services, 2 volumes \(1 with their data\)/);
      assert.match(restored.stderr, /volume prod\/other: its data is not in the backup; copy it to/);
      const again = await host.run(["admin", "restore", out, "--data-dir", `${home}/.rune`]);
      assert.deepEqual([again.code, /already holds a state/.test(again.stderr)], [5, true]);
      const daemon = await startDaemon(home, {
        devMode: false,
        args: ["--config", `${host.home}/runefile.yaml`],
      });
      try {
        const after = await readEverything(daemon.url);
        const data = after.lists[1].find((v: { name: string }) => v.name === "data");
        assert.equal(data.status.handle, `${home}/.rune/volumes/default/data`);
        assert.deepEqual(normalize(after), normalize(before));
        const tree =
          (await capture(["ls", "-lR", "--time-style=full-iso", `${home}/.rune/volumes/default/data`]))
            .stdout;
        const original =
          (await capture(["ls", "-lR", "--time-style=full-iso", `${host.dataDir}/volumes/default/data`]))
            .stdout;
        assert.deepEqual(
          tree.split("\n").slice(1, 9).map(stripPlace),
          original.split("\n").slice(1, 9).map(stripPlace),
        );
        assert.equal(await Deno.readTextFile(`${home}/.rune/volumes/default/data/link`), "kept\n");
      } finally {
        await daemon.stop();
      }
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },
});

const stripPlace = (line: string) => line.replace(/\/tmp\/[^:]*/, "");

/**
 * Two daemons may differ in a volume's path and filesystem, and in versions that those changed, but in
 * nothing else.
 */
function normalize(all: unknown): unknown {
  const changed = ["handle", "filesystem", "resourceVersion", "updatedAt"];
  return JSON.parse(JSON.stringify(all, (key, value) => changed.includes(key) ? undefined : value));
}

async function leftIn(dataDir: string): Promise<string[]> {
  const names = (await Array.fromAsync(Deno.readDir(dataDir))).map(({ name }) => name);
  return names.filter((name) => /backup|restoring/.test(name));
}

Deno.test({
  name: "a backup during casts holds each of them whole or not at all, and every one acknowledged before",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    let stop = false;
    let acknowledged = 0;
    const writer = (async () => {
      for (let n = 1; !stop; n++) {
        const resources = ["a", "b"].map((name) => ({
          kind: "configmap",
          body: { name, data: { n: `${n}` } },
        }));
        const answer = await fetch(`${host.daemon.url}/v1/cast`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ resources }),
        });
        const text = await answer.text();
        assert.ok(answer.ok, text);
        acknowledged = n;
      }
    })();
    await until("some casts are in", async () => acknowledged > 20);
    const before = acknowledged;
    const out = `${host.home}/b.tgz`;
    await host.rune("admin", "backup", "--out", out, "--with-kek");
    stop = true;
    await writer;
    await host.daemon.stop();
    const home = await Deno.makeTempDir({ prefix: "rune-test-restored-" });
    try {
      await host.rune("admin", "restore", out, "--data-dir", `${home}/.rune`);
      const daemon = await startDaemon(home, {
        devMode: false,
        args: ["--config", `${host.home}/runefile.yaml`],
      });
      try {
        const { items } = await (await fetch(`${daemon.url}/v1/namespaces/default/configmaps`)).json();
        const [a, b] = items.map((c: { spec: { data: { n: string } } }) => Number(c.spec.data.n));
        assert.equal(a, b);
        assert.ok(a >= before && a <= acknowledged, `${before} <= ${a} <= ${acknowledged}`);
      } finally {
        await daemon.stop();
      }
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },
});

Deno.test({
  name: "backup and restore refuse impossible requests, leave nothing behind, and say what to do",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    await host.rune("cast", await host.file("p.yaml", processService("agent", "", SLEEP)));
    const backup = (...args: string[]) =>
      host.run(["admin", "backup", "--out", `${host.home}/b.tgz`, ...args]);
    const assertRefused = async (
      run: Promise<{ code: number; stderr: string }>,
      code: number,
      message: RegExp,
    ) => {
      const { code: found, stderr } = await run;
      assert.match(stderr, message);
      assert.match(stderr, /\nhint: /);
      assert.equal(found, code, stderr);
    };
    // A client that disconnects in the middle leaves nothing behind either.
    const answer = await fetch(`${host.daemon.url}/v1/admin/backup`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    await answer.body?.cancel();
    await until("the copy of the state is gone", async () => (await leftIn(host.dataDir)).length === 0);
    await assertRefused(backup("--with-volumes", "default/none"), 4, /there is no volume default\/none/);
    const kek = `${host.dataDir}/kek`;
    await Deno.rename(kek, `${kek}.away`);
    await assertRefused(backup("--with-kek"), 5, /there is no key file/);
    await Deno.rename(`${kek}.away`, kek);
    await assertRefused(host.run(["admin", "backup", "--out", "/proc/nowhere/b.tgz"]), 5, /cannot write/);
    await until("the copy of the state is gone", async () => (await leftIn(host.dataDir)).length === 0);
    assert.equal(await Deno.stat(`${host.home}/b.tgz`).then(() => true, () => false), false);

    await host.rune("admin", "backup", "--out", `${host.home}/b.tgz`, "--with-kek");
    const restore = (file: string, dataDir = `${host.home}/new`) =>
      host.run(["admin", "restore", file, "--data-dir", dataDir]);
    await assertRefused(restore(`${host.home}/b.tgz`, host.dataDir), 5, /uses the data directory/);
    await assertRefused(restore(`${host.home}/none.tgz`), 4, /no such file/);
    await host.rune("delete", "service", "agent", "--yes");
    await host.daemon.stop();
    const whole = await Deno.readFile(`${host.home}/b.tgz`);
    await Deno.writeFile(`${host.home}/cut.tgz`, whole.slice(0, whole.length - 100));
    await assertRefused(restore(`${host.home}/cut.tgz`), 6, /damaged/);
    assert.deepEqual(await leftIn(`${host.home}/new`), []);

    // After a killed restore no daemon starts on the directory, and the restore can be run again.
    await Deno.mkdir(`${host.home}/new/restoring`);
    await assertRefused(
      host.run(["serve", "--data-dir", `${host.home}/new`, "--http-addr", "127.0.0.1:0"]),
      1,
      /a restore into .* was interrupted/,
    );
    assert.equal((await restore(`${host.home}/b.tgz`)).code, 0);
    assert.deepEqual(await leftIn(`${host.home}/new`), []);
    assert.equal(
      (await capture([...RUNE, "lint", await host.file("runefile.x.yaml", "sever: {}\n")])).code,
      6,
    );
  },
});
