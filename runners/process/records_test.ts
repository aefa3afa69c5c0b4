import assert from "node:assert/strict";
import { replaceFile } from "../../base/durable.ts";
import { makeFullFilesystem } from "../../scripts/full_filesystem.ts";
import { noRoot } from "../../tests/skips.ts";
import { readOutcome, runFiles, writeOutcome } from "./records.ts";

Deno.test({
  name: "replaceFile() of a record acknowledges no torn file on a full disk",
  ignore: noRoot,
  async fn() {
    await using disk = await makeFullFilesystem();
    const files = runFiles(disk.path, { instanceUid: "a1", run: 1 });
    await Deno.mkdir(files.dir);
    await Deno.mkdir(`${disk.path}/signals`);
    // More than the free space. Half of the file fits, so the write is short, without an error.
    const text = JSON.stringify({ long: "x".repeat(40_000) });
    await disk.fill({ free: 20_000 });
    await assert.rejects(() => replaceFile(`${files.dir}/spec.json`, text), /No space left/);
    const left = (await Array.fromAsync(Deno.readDir(files.dir))).map(({ name }) => name);
    assert.deepEqual(left, []);
    const outcome = { finishedAt: "2026-01-01T00:00:00Z", error: "y".repeat(40_000) };
    await assert.rejects(() => writeOutcome(files, outcome), /No space left/);
    assert.equal(await readOutcome(files), undefined);
    await disk.clear();
    await writeOutcome(files, outcome);
    assert.deepEqual(await readOutcome(files), outcome);
  },
});
