import assert from "node:assert/strict";
import { capture } from "./command.ts";
import { packPortable } from "./portable.ts";

/** A packed program whose runtime is a shell script that prints its arguments. */
async function withPacked(
  use: (packed: { path: string; cache: string; env: Record<string, string> }) => Promise<void>,
) {
  const folder = await Deno.makeTempDir({ prefix: "rune-portable-" });
  try {
    await Deno.mkdir(`${folder}/app`);
    await Deno.writeTextFile(
      `${folder}/app/deno`,
      '#!/bin/sh\nfor arg in "$@"; do echo "$arg"; done\nexit 7\n',
    );
    await Deno.chmod(`${folder}/app/deno`, 0o755);
    await Deno.writeTextFile(`${folder}/app/main.js`, "");
    await packPortable(`${folder}/app`, `${folder}/program`);
    const cache = `${folder}/cache with space`;
    await use({ path: `${folder}/program`, cache, env: { RUNE_CACHE_DIR: cache } });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const unpackedFolders = async (cache: string) =>
  (await Array.fromAsync(Deno.readDir(cache))).map((entry) => entry.name);

Deno.test("packPortable() makes a file that passes on arguments and the exit code", async () => {
  await withPacked(async ({ path, env }) => {
    const { code, stdout } = await capture([path, "get", "a b", "$HOME", ""], { env });
    assert.equal(code, 7);
    assert.ok(stdout.endsWith("/main.js\nget\na b\n$HOME\n\n"), stdout);
  });
});

Deno.test("packPortable() makes a file that can start many times at once and unpacks only once", async () => {
  await withPacked(async ({ path, cache, env }) => {
    const starts = await Promise.all(Array.from({ length: 8 }, () => capture([path, "x"], { env })));
    for (const { code, stdout, stderr } of starts) {
      assert.deepEqual({ code, stderr, last: stdout.trimEnd().split("\n").at(-1) }, {
        code: 7,
        stderr: "",
        last: "x",
      });
    }
    assert.equal((await unpackedFolders(cache)).length, 1);
  });
});

Deno.test("packPortable() makes a file that refuses a truncated payload", async () => {
  await withPacked(async ({ path, cache, env }) => {
    await Deno.truncate(path, (await Deno.stat(path)).size - 20);
    const { code, stdout, stderr } = await capture([path, "x"], { env });
    assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
    assert.match(stderr, /cannot unpack into .*RUNE_CACHE_DIR/);
    assert.deepEqual(await unpackedFolders(cache), []);
  });
});
