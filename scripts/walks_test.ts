/** Checks the walks in ARCHITECTURE.md: each step is a file, and no file appears twice in a walk. @module */
import { strict as assert } from "node:assert";

/** The files of each section titled "…, file by file", in order. */
function readWalks(page: string): Map<string, string[]> {
  const sections = page.split(/^## /m).filter((section) =>
    section.split("\n")[0]!.endsWith(", file by file")
  );
  return new Map(sections.map((section) => [
    section.split("\n")[0]!,
    [...section.matchAll(/^\d+\. (.*)/gm)].map(([, step]) => /^`([\w./]+)`/.exec(step!)?.[1] ?? step!),
  ]));
}

Deno.test("ARCHITECTURE.md walks through existing files, and through none of them twice", async () => {
  const root = new URL("../", import.meta.url);
  const walks = readWalks(await Deno.readTextFile(new URL("ARCHITECTURE.md", root)));
  assert.deepEqual([...walks.keys()].map((title) => title.split(",")[0]), ["A cast", "A volume", "An exec"]);
  for (const [title, files] of walks) {
    assert.ok(files.length > 5, title);
    assert.deepEqual([...new Set(files)], files, `${title}: comes back to a file`);
    for (const file of files) {
      const { isFile } = await Deno.stat(new URL(file, root)).catch(() => ({ isFile: false }));
      assert.ok(isFile, `${title}: there is no file ${file}`);
    }
  }
});
