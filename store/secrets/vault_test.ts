import assert from "node:assert/strict";
import type { RuneError } from "../../model/error.ts";
import { openStore, type Store } from "../store.ts";
import { withDir } from "../store_fixture.ts";
import type { KekSource } from "./kek.ts";
import { openVault, type Vault } from "./vault.ts";

interface Opened {
  dir: string;
  store: Store;
  vault: Vault;
  /** Closes both and opens them again. */
  reopen(source?: KekSource): Promise<void>;
  put(name: string, data: Record<string, string>, namespace?: string): Promise<void>;
}

const PLAIN = "correct horse battery staple";
const PAIR = { data: PLAIN };

async function withVault(test: (opened: Opened) => Promise<void>, source?: KekSource): Promise<void> {
  await withDir(async (dir) => {
    const file: KekSource = { from: "file", path: `${dir}/kek` };
    const open = async (from: KekSource) => {
      opened.store = await openStore({ dataDir: dir });
      opened.vault = await openVault(opened.store, from);
    };
    const close = async () => {
      await opened.vault?.close();
      await opened.store?.close();
    };
    const opened = {
      dir,
      async reopen(from = source ?? file) {
        await close();
        await open(from);
      },
      async put(name: string, data: Record<string, string>, namespace = "default") {
        const before = opened.store.get("sealedSecret", namespace, name);
        const version = (before?.spec.version ?? 0) + 1;
        const spec = await opened.vault.seal({ namespace, name, version }, data);
        await opened.store.transact((tx) =>
          before
            ? tx.update(before, { spec })
            : tx.create({ kind: "sealedSecret", namespace, name, spec, status: {} })
        );
      },
    } as Opened;
    try {
      await open(source ?? file);
      await test(opened);
    } finally {
      await close().catch(() => {});
    }
  });
}

/** The bytes of every file in a directory, as text that preserves each byte. */
async function readRaw(dir: string, skip: string[] = []): Promise<string> {
  let text = "";
  for await (const { name, isFile } of Deno.readDir(dir)) {
    if (isFile && !skip.includes(name)) {
      text += new TextDecoder("latin1").decode(await Deno.readFile(`${dir}/${name}`));
    }
  }
  return text;
}

const refuses = (work: Promise<unknown>, message: RegExp, hint: RegExp) =>
  assert.rejects(work, (error: RuneError) => {
    assert.equal(error.code, "failed_precondition", String(error));
    assert.match(error.message, message);
    assert.match(error.hint ?? "", hint);
    return true;
  });

Deno.test("readSecret() returns what seal() encrypted, also after a restart, and no plain text is on disk", () =>
  withVault(async (opened) => {
    const big = { token: PLAIN, file: `${PLAIN}é`.repeat(20_000) };
    await opened.put("db", big);
    const files = await readRaw(opened.dir);
    assert.equal(files.includes(PLAIN), false);
    assert.equal(files.includes(btoa(PLAIN).slice(0, 36)), false);
    await opened.reopen();
    assert.deepEqual(await opened.vault.readSecret("default", "db"), big);
    await assert.rejects(opened.vault.readSecret("prod", "db"), { code: "not_found", message: /prod\/db/ });
  }));

Deno.test("readSecret() refuses ciphertext that was altered, moved to another name, or kept from an older version", () =>
  withVault(async (opened) => {
    await opened.put("a", PAIR);
    await opened.put("b", { data: "other" });
    const { store, vault } = opened;
    const a = store.get("sealedSecret", "default", "a")!;
    const b = store.get("sealedSecret", "default", "b")!;
    const write = (spec: typeof a.spec) =>
      store.transact((tx) => tx.update(tx.get("sealedSecret", "default", "a")!, { spec }));
    const flipped = Uint8Array.fromBase64(a.spec.ciphertext);
    flipped[3]! ^= 1;
    for (
      const spec of [
        { ...a.spec, ciphertext: flipped.toBase64() },
        { ...a.spec, ciphertext: b.spec.ciphertext, iv: b.spec.iv },
        { ...a.spec, version: 2 },
      ]
    ) {
      await write(spec);
      await refuses(
        vault.readSecret("default", "a"),
        /default\/a, version \d, cannot be decrypted/,
        /backup/,
      );
    }
    await write(a.spec);
    assert.deepEqual(await vault.readSecret("default", "a"), PAIR);
    await write(b.spec);
    await refuses(vault.readSecret("default", "a"), /cannot be decrypted/, /cast the secret again/);
  }));

Deno.test("the vault destroys a data key when its version is replaced or its secret deleted, and orphans at the next start", () =>
  withVault(async (opened) => {
    await opened.put("a", PAIR);
    await opened.put("a", { data: "new" });
    const keys = async () => {
      await opened.vault.discard({ version: 0, keyId: "none", iv: "", ciphertext: "" });
      return (await opened.store.metaKeys("data-key/")).length;
    };
    assert.equal(await keys(), 1);
    await opened.vault.seal({ namespace: "default", name: "never", version: 1 }, PAIR);
    assert.equal(await keys(), 2);
    await opened.reopen();
    assert.equal(await keys(), 1);
    await opened.store.transact((tx) => tx.remove(tx.get("sealedSecret", "default", "a")!));
    assert.equal(await keys(), 0);
  }));

Deno.test("openVault() refuses a missing, wrong, damaged or world-readable KEK and says what to restore", () =>
  withVault(async (opened) => {
    const path = `${opened.dir}/kek`;
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    const good = await Deno.readTextFile(path);
    await Deno.remove(path);
    await refuses(opened.reopen(), /kek is missing/, /restore .*kek from its backup/);
    await Deno.writeTextFile(path, new Uint8Array(32).toBase64(), { mode: 0o600 });
    await refuses(opened.reopen(), /not the key encryption key/, /restore the right one/);
    await Deno.writeTextFile(path, "nonsense", { mode: 0o600 });
    await refuses(opened.reopen(), /expected 32 bytes in base64/, /backup/);
    await Deno.writeTextFile(path, good);
    await Deno.chmod(path, 0o644);
    await refuses(opened.reopen(), /other users can read/, /chmod 600/);
    await Deno.chmod(path, 0o600);
    await opened.reopen();
  }));

Deno.test("openVault() reads the KEK from the environment and rotates it with _PREVIOUS", async () => {
  const [one, two] = [crypto.getRandomValues(new Uint8Array(32)), new Uint8Array(32).fill(7)].map((b) =>
    b.toBase64()
  );
  const env = (value?: string, previous?: string): KekSource => ({
    from: "env",
    variable: "RUNE_KEK",
    value,
    previous,
  });
  await withVault(async (opened) => {
    await opened.put("a", PAIR);
    await refuses(opened.vault.rotate(), /comes from the variable RUNE_KEK/, /RUNE_KEK_PREVIOUS/);
    await refuses(opened.reopen(env()), /RUNE_KEK holds no key/, /was used with/);
    await refuses(opened.reopen(env(two)), /not the key encryption key/, /backup/);
    await opened.reopen(env(two, one));
    assert.deepEqual(await opened.vault.readSecret("default", "a"), PAIR);
    await opened.reopen(env(two));
    assert.deepEqual(await opened.vault.readSecret("default", "a"), PAIR);
    await refuses(opened.reopen(env(one)), /not the key/, /backup/);
  }, env(one));
});

Deno.test("rotate() makes the old KEK useless: the data directory holds nothing that it wrapped", () =>
  withVault(async (opened) => {
    for (let i = 0; i < 20; i++) await opened.put(`s${i}`, PAIR);
    const old = await Deno.readTextFile(`${opened.dir}/kek`);
    const wrapped =
      (await opened.store.getMeta(`data-key/${opened.store.list("sealedSecret")[7]!.spec.keyId}`)) as {
        ciphertext: string;
      };
    assert.ok((await readRaw(opened.dir)).includes(wrapped.ciphertext));
    assert.deepEqual(await opened.vault.rotate(), { rewrapped: 20 });
    const files = await readRaw(opened.dir);
    assert.equal(files.includes(wrapped.ciphertext), false);
    assert.equal(files.includes(old.trim()), false);
    assert.deepEqual(await opened.vault.readSecret("default", "s7"), PAIR);
    await opened.reopen();
    assert.deepEqual(await opened.vault.readSecret("default", "s19"), PAIR);
    await Deno.writeTextFile(`${opened.dir}/kek`, old);
    await refuses(opened.reopen(), /not the key encryption key/, /backup/);
  }));

Deno.test("rotate() works while secrets are read and written, and finishes after any interruption", () =>
  withVault(async (opened) => {
    for (let i = 0; i < 10; i++) await opened.put(`s${i}`, PAIR);
    const busy = Array.from({ length: 10 }, (_, i) => opened.vault.readSecret("default", `s${i}`));
    const [, , ...read] = await Promise.all([
      opened.vault.rotate(),
      opened.put("s3", { data: "new" }),
      ...busy,
    ]);
    assert.ok(read.every((r) => r.data === PLAIN || r.data === "new"));
    assert.deepEqual(await opened.vault.readSecret("default", "s3"), { data: "new" });
    // Every write of a rotation fails in turn, as if the disk failed or the daemon died.
    for (let failing = 1; failing <= 13; failing++) {
      const original = opened.store.putMeta;
      let calls = 0;
      opened.store.putMeta = function (key, value) {
        return ++calls >= failing ? Promise.reject(new Error("cut short")) : original.call(this, key, value);
      };
      await assert.rejects(opened.vault.rotate());
      opened.store.putMeta = original;
      assert.deepEqual(await opened.vault.readSecret("default", "s9"), PAIR, `while ${failing}`);
      await opened.put("s1", { data: `${failing}` });
      if (failing % 2 === 0) await opened.reopen();
      else await opened.vault.rotate();
      assert.deepEqual(await opened.vault.readSecret("default", "s1"), { data: `${failing}` });
      assert.deepEqual(await opened.vault.readSecret("default", "s0"), PAIR, `after ${failing}`);
    }
    await opened.vault.rotate();
    await opened.reopen();
    assert.deepEqual(await opened.vault.readSecret("default", "s3"), { data: "new" });
  }));
