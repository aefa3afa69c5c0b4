import assert from "node:assert/strict";
import { z } from "zod";
import { scratchDirectory } from "./conformance_trial.ts";
import { readJson, removeAside, writeJson } from "./json_file.ts";
import { asideOf } from "../base/durable.ts";

Deno.test("readJson() returns what writeJson() wrote, undefined for a missing file, and refuses anything else", async () => {
  const scratch = await scratchDirectory();
  try {
    const path = `${scratch.path}/f`;
    const schema = z.object({ n: z.number() });
    assert.equal(await readJson(path, schema), undefined);
    await writeJson(path, { n: 1 });
    await writeJson(path, { n: 2 });
    assert.deepEqual(await readJson(path, schema), { n: 2 });
    for (const damage of ['{"n": "x"}', '{"n":']) {
      await Deno.writeTextFile(path, damage);
      await assert.rejects(readJson(path, schema), { code: "failed_precondition" });
    }
  } finally {
    await scratch.remove();
  }
});

Deno.test("removeAside() removes only what an interrupted writeJson() left", async () => {
  const scratch = await scratchDirectory();
  try {
    const path = `${scratch.path}/f`;
    await writeJson(path, { n: 1 });
    await Deno.writeTextFile(asideOf(path), '{"n"');
    await removeAside(path);
    await removeAside(path);
    assert.deepEqual((await Array.fromAsync(Deno.readDir(scratch.path))).map(({ name }) => name), ["f"]);
  } finally {
    await scratch.remove();
  }
});
