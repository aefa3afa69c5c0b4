import assert from "node:assert/strict";
import { makeFullFilesystem } from "../../scripts/full_filesystem.ts";
import { noRoot } from "../../tests/skips.ts";
import { readConfig, writeConfig } from "./config_file.ts";
import { reserveTokenFile } from "./token_file.ts";

Deno.test({
  name: "writeConfig() and token files report a full disk, and the old contexts stay",
  ignore: noRoot,
  async fn() {
    await using disk = await makeFullFilesystem();
    const path = `${disk.path}/config.yaml`;
    const old = { path, current: "a", contexts: { a: { server: "http://127.0.0.1:1", token: "t" } } };
    await writeConfig(old);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    await disk.fill({ free: 8192 });
    const big = { server: "http://127.0.0.1:1", token: "x".repeat(30_000) };
    await assert.rejects(() => writeConfig({ path, contexts: { big } }), /No space left/);
    assert.deepEqual(await readConfig(path), old);
    const names = (await Array.fromAsync(Deno.readDir(disk.path))).map(({ name }) => name).sort();
    assert.deepEqual(names, ["config.yaml", "filler"]);
    const token = await reserveTokenFile(`${disk.path}/token`);
    await assert.rejects(() => token.keep("x".repeat(30_000)), /No space left/);
  },
});
