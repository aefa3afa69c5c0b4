import assert from "node:assert/strict";
import { isOccupied } from "./occupied.ts";

Deno.test("isOccupied() tells empty directories from everything else", async () => {
  const root = await Deno.makeTempDir();
  try {
    assert.equal(isOccupied(`${root}/missing`), false);
    await Deno.mkdir(`${root}/a/b/c`, { recursive: true });
    assert.equal(isOccupied(`${root}/a`), false);
    await Deno.symlink("/", `${root}/link`);
    assert.equal(isOccupied(`${root}/link`), true);
    await Deno.writeTextFile(`${root}/a/b/file`, "");
    assert.equal(isOccupied(`${root}/a`), true);
    assert.equal(isOccupied(`${root}/a/b/c`), false);
    assert.equal(isOccupied(`${root}/a/b/file`), true);
    assert.equal(isOccupied(`${root}/a/b/file/x`), true);
    await Deno.mkdir(`${root}/many`);
    for (let i = 0; i < 300; i++) await Deno.mkdir(`${root}/many/${i}`);
    assert.equal(isOccupied(`${root}/many`), true);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
