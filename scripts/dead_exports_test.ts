import assert from "node:assert/strict";
import { findDeadExports } from "./dead_exports.ts";
import { listFiles, ROOT } from "./tree.ts";

Deno.test("findDeadExports() names what no file imports and its own file does not use", () => {
  const texts = new Map([
    ["base/a.ts", "export const dead = 1;\nexport const here = 2;\nexport const there = here;\n"],
    ["base/b.ts", "/** {@linkcode alone} */\nexport interface alone {}\nexport type Named = 1;\n"],
    ["base/c.ts", "export function loaded() {}\n"],
    ["base/a_test.ts", 'import { there } from "./a.ts";\nexport const shared = there;\n'],
    ["model/d.ts", 'import {\n  type Named as Other,\n} from "../base/b.ts";\nconst x: Other = 1;\n'],
    ["main.ts", 'const { loaded } = await import("./base/c.ts");\n'],
  ]);
  assert.deepEqual(findDeadExports(texts), [
    "base/a.ts: nothing uses dead",
    "base/b.ts: nothing uses alone",
  ]);
});

Deno.test("the program exports nothing that nothing uses", async () => {
  const files = await listFiles(ROOT);
  const texts = await Promise.all(
    files.map(async (file) => [file, await Deno.readTextFile(`${ROOT}/${file}`)] as const),
  );
  assert.deepEqual(findDeadExports(new Map(texts)), []);
});
