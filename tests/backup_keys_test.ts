/**
 * Tests who may include the key of the secrets in a backup, and that it is always the key of that state.
 * @module
 */
import assert from "node:assert/strict";
import { capture } from "../scripts/command.ts";
import { openVault } from "../store/secrets/vault.ts";
import { openStore } from "../store/store.ts";
import { type Host, startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

const VALUE = "open-sesame-and-then-some";

/** Logs root in. */
async function logIn(host: Host): Promise<string> {
  const file = `${host.home}/root.token`;
  await host.rune("admin", "bootstrap", "--out-file", file);
  await host.rune("login", "local", "--token-file", file);
  return (await Deno.readTextFile(file)).trim();
}

async function castSecret(host: Host, more = ""): Promise<void> {
  const text = `secret: { name: db, data: { password: ${VALUE} } }\n${more}`;
  await host.rune("cast", await host.file("secret.yaml", text));
}

const backup = (host: Host, out: string, ...more: string[]) =>
  host.run(["admin", "backup", "--out", out, ...more]);

/** Reads the secret in a restored data directory with the key found there. */
async function readRestored(dataDir: string): Promise<string> {
  const store = await openStore({ dataDir });
  try {
    const vault = await openVault(store, { from: "file", path: `${dataDir}/kek` });
    try {
      return (await vault.readSecret("default", "db")).password!;
    } finally {
      await vault.close();
    }
  } finally {
    await store.close();
  }
}

Deno.test({
  name:
    "only users with the rights get the key and the data of volumes in a backup, and the audit log records them",
  ignore: noRoot,
  async fn() {
    await using host = await startHost({ runefile: "auth: { enabled: true }\n" });
    const root = await logIn(host);
    await castSecret(host, "---\nvolume: { name: data, size: 1Gi, accessMode: ReadWriteOnce }\n");
    await host.rune("admin", "user", "create", "boss", "--policy", "admin");
    const token = `${host.home}/boss.token`;
    await host.rune("admin", "token", "create", "boss", "--out-file", token);
    const out = `${host.home}/b.tgz`;
    const refused = await backup(host, out, "--with-kek", "--token-file", token);
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /boss may not get kek\nhint: /);
    assert.equal(await Deno.stat(out).catch(() => undefined), undefined);
    const allowed = await backup(host, out, "--with-volumes", "default/data", "--token-file", token);
    assert.equal(allowed.code, 0, allowed.stderr);
    assert.equal((await capture(["tar", "-tzf", out])).stdout.includes("kek"), false);
    assert.match(await host.rune("admin", "audit", "--user", "boss"), /denied/);
    const own = await backup(host, out, "--with-kek");
    assert.equal(own.code, 0, own.stderr);
    assert.match(await host.rune("admin", "audit"), /the state, the key encryption key/);

    const rules = [{ resource: "backup", verbs: ["create"] }];
    const answer = await fetch(`${host.daemon.url}/v1/admin/policies/keeper`, {
      method: "PUT",
      headers: { authorization: `Bearer ${root}`, "content-type": "application/json" },
      body: JSON.stringify({ rules }),
    });
    assert.equal(answer.status, 200, await answer.text());
    await host.rune("admin", "user", "create", "keeper", "--policy", "keeper");
    const keeper = `${host.home}/keeper.token`;
    await host.rune("admin", "token", "create", "keeper", "--out-file", keeper);
    const data = await backup(host, out, "--with-volumes", "default/data", "--token-file", keeper);
    assert.equal(data.code, 3, data.stderr);
    assert.match(data.stderr, /keeper may not get volumes in namespace default/);
    const state = await backup(host, out, "--token-file", keeper);
    assert.equal(state.code, 0, state.stderr);
  },
});

Deno.test({
  name: "a backup contains a key from another path, and a restore puts it where the daemon looks for it",
  ignore: noRoot,
  async fn() {
    const keys = await Deno.makeTempDir({ prefix: "rune-test-keys-" });
    try {
      const runefile = (file: string) => `crypto: { kek: { source: file, file: "${file}" } }\n`;
      await using host = await startHost({ runefile: runefile(`${keys}/kek`) });
      await castSecret(host);
      // The former key was moved away first.
      await Deno.writeTextFile(`${host.dataDir}/kek`, `${btoa("x".repeat(32))}\n`, { mode: 0o600 });
      const out = `${host.home}/b.tgz`;
      assert.equal((await backup(host, out, "--with-kek")).code, 0);
      const inside = await capture(["tar", "-xzOf", out, "kek"]);
      assert.equal(inside.stdout, await Deno.readTextFile(`${keys}/kek`));
      await host.daemon.stop();

      const config = await host.file("other.yaml", runefile(`${keys}/restored`));
      const restore = (dataDir: string) =>
        host.run(["admin", "restore", out, "--data-dir", dataDir, "--config", config]);
      await Deno.writeTextFile(`${keys}/restored`, `${btoa("y".repeat(32))}\n`, { mode: 0o600 });
      const other = await restore(`${host.home}/one`);
      assert.equal(other.code, 5, other.stderr);
      assert.match(other.stderr, /restored is not the key that .*\nhint: move .*restored away first/);
      await Deno.remove(`${keys}/restored`);
      assert.equal((await restore(`${host.home}/one`)).code, 0);
      assert.equal(await Deno.readTextFile(`${keys}/restored`), inside.stdout);
      assert.equal((await Deno.stat(`${keys}/restored`)).mode! & 0o777, 0o600);
      await Deno.rename(`${keys}/restored`, `${host.home}/one/kek`);
      assert.equal(await readRestored(`${host.home}/one`), VALUE);
    } finally {
      await Deno.remove(keys, { recursive: true });
    }
  },
});

Deno.test({
  name: "a key from a variable is never in a backup, and a restore asks for it",
  ignore: noRoot,
  async fn() {
    const right = btoa("r".repeat(32));
    await using host = await startHost({
      runefile: "crypto: { kek: { source: env, env: TEST_KEK } }\n",
      env: { TEST_KEK: right },
    });
    await castSecret(host);
    // A stale file must not be taken for the key.
    await Deno.writeTextFile(`${host.dataDir}/kek`, `${btoa("x".repeat(32))}\n`, { mode: 0o600 });
    const out = `${host.home}/b.tgz`;
    const refused = await backup(host, out, "--with-kek");
    assert.equal(refused.code, 5, refused.stderr);
    assert.match(
      refused.stderr,
      /comes from the variable TEST_KEK, so no backup can include it\nhint: leave out/,
    );
    assert.equal((await backup(host, out)).code, 0);
    // Scheduled backups follow the same rule.
    const backups = `${host.home}/backups`;
    await Deno.mkdir(backups);
    const runefile = await Deno.readTextFile(`${host.home}/runefile.yaml`);
    const schedule = `backup: { every: 1d, dir: "${backups}", withKek: true }\n`;
    await Deno.writeTextFile(`${host.home}/runefile.yaml`, runefile + schedule);
    Deno.kill(host.daemon.pid, "SIGHUP");
    await until("the scheduled backup says why it fails", async () => {
      const { warnings } = JSON.parse(await host.rune("status", "-o", "json"));
      return /comes from the variable TEST_KEK, so no backup can include it/.test(warnings.join());
    });
    assert.deepEqual(await Array.fromAsync(Deno.readDir(backups)), []);
    await Deno.writeTextFile(`${host.home}/runefile.yaml`, runefile);
    await host.daemon.stop();
    const restore = async (dataDir: string, key: string) => {
      host.daemon.env.TEST_KEK = key;
      return await host.run([
        "admin",
        "restore",
        out,
        "--data-dir",
        dataDir,
        "--config",
        `${host.home}/runefile.yaml`,
      ]);
    };
    const other = await restore(`${host.home}/one`, btoa("o".repeat(32)));
    assert.equal(other.code, 5, other.stderr);
    assert.match(other.stderr, /the variable TEST_KEK is not the key .*\nhint: set TEST_KEK/);
    assert.equal((await restore(`${host.home}/one`, right)).code, 0);
  },
});

Deno.test({
  name: "a backup holds the key of its state, even when the key is rotated while the backup is made or read",
  ignore: noRoot,
  async fn() {
    await using host = await startHost({ runefile: "auth: { enabled: true }\n" });
    const token = await logIn(host);
    const more = Array.from({ length: 60 }, (_, n) => `---\nsecret: { name: s-${n}, data: { a: "${n}" } }\n`);
    await castSecret(host, more.join(""));
    const ask = (path: string, body?: unknown) =>
      fetch(`${host.daemon.url}/v1/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    const ok = async (answer: Response) => {
      assert.equal(answer.status, 200, await answer.text());
    };
    const rotate = async () => await ok(await ask("admin/rotate-kek"));
    const keep = async (name: string, answer: Response) => {
      assert.equal(answer.status, 200);
      await Deno.writeFile(`${host.home}/${name}`, await answer.bytes());
      return name;
    };
    const names: string[] = [];
    // With rotations in progress during the whole backup.
    for (let n = 0; n < 3; n++) {
      const rotations = [rotate(), rotate()];
      names.push(await keep(`during-${n}.tgz`, await ask("admin/backup", { withKek: true })));
      await Promise.all(rotations);
    }
    // Also after the state is copied but before the rest is read; no connection can buffer this much.
    for (const part of ["a", "b"]) {
      const resources = Array.from({ length: 80 }, (_, n) => {
        const text = crypto.getRandomValues(new Uint8Array(65_000)).toBase64();
        return { kind: "configmap", body: { name: `bulk-${part}-${n}`, data: { text } } };
      });
      await ok(await ask("cast", { resources }));
    }
    const begun = await ask("admin/backup", { withKek: true });
    await rotate();
    names.push(await keep("begun.tgz", begun));
    await host.daemon.stop();
    for (const name of names) {
      const dataDir = `${host.home}/of-${name}`;
      await host.rune("admin", "restore", `${host.home}/${name}`, "--data-dir", dataDir);
      assert.equal(await readRestored(dataDir), VALUE, name);
    }
    // A backup with another key is refused when it is read back, even if its checksums match.
    const [from, to] = [`${host.home}/of-begun.tgz`, `${host.home}/forged`];
    assert.notEqual(await Deno.readTextFile(`${from}/kek`), await Deno.readTextFile(`${host.dataDir}/kek`));
    const forge =
      `set -e; mkdir ${to}; cd ${to}; tar -xzf ${host.home}/begun.tgz; cp ${host.dataDir}/kek kek; ` +
      "sha256sum manifest.json state.db kek > SHA256SUMS; " +
      "tar -czf ../forged.tgz manifest.json state.db kek SHA256SUMS";
    const forged = await capture(["sh", "-c", forge]);
    assert.equal(forged.code, 0, forged.stderr);
    const refused = await host.run([
      "admin",
      "restore",
      `${host.home}/forged.tgz`,
      "--data-dir",
      `${host.home}/never`,
    ]);
    assert.equal(refused.code, 5, refused.stderr);
    assert.match(refused.stderr, /the key in the backup does not open the secrets in it\nhint: /);
    assert.equal(await Deno.stat(`${host.home}/never/state.db`).catch(() => undefined), undefined);
  },
});
