import assert from "node:assert/strict";
import { mountRootOf } from "./entry.ts";

Deno.test("mountRootOf() follows links, and is not the directory where the node shows volumes", async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-do-" }));
  try {
    await Deno.mkdir(`${directory}/real`);
    await Deno.symlink(`${directory}/real`, `${directory}/link`);
    const root = mountRootOf(`${directory}/link`);
    assert.equal(root, `${directory}/real/do-volumes`);
    assert.notEqual(root, `${directory}/real/mounts`, "the node's own link has this name");
    assert.equal(mountRootOf(`${directory}/gone`), `${directory}/gone/do-volumes`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
