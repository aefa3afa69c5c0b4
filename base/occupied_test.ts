import assert from "node:assert/strict";
import { occupancyOf } from "./occupied.ts";

Deno.test("occupancyOf() tells missing paths and empty directories from everything else", async () => {
  const root = await Deno.makeTempDir();
  try {
    assert.equal(occupancyOf(`${root}/missing`), "missing");
    await Deno.mkdir(`${root}/a/b/c`, { recursive: true });
    assert.equal(occupancyOf(`${root}/a`), "free");
    await Deno.symlink("/", `${root}/link`);
    assert.equal(occupancyOf(`${root}/link`), "occupied");
    await Deno.writeTextFile(`${root}/a/b/file`, "");
    assert.equal(occupancyOf(`${root}/a`), "occupied");
    assert.equal(occupancyOf(`${root}/a/b/c`), "free");
    assert.equal(occupancyOf(`${root}/a/b/file`), "occupied");
    assert.equal(occupancyOf(`${root}/a/b/file/x`), "occupied");
    await Deno.mkdir(`${root}/many`);
    for (let i = 0; i < 300; i++) await Deno.mkdir(`${root}/many/${i}`);
    assert.equal(occupancyOf(`${root}/many`), "occupied");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
