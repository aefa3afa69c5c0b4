/**
 * Holds production files to the style's rule on comments: each file opens by saying what it owns, and what others call
 * (exported functions, classes and interfaces) has a doc comment. `deno doc --lint` asks for more than that, such as an
 * explicit type on every zod schema, which would write each of them twice. @module
 */
import { isOutsideProgram, listFiles, ROOT } from "./tree.ts";

const EXPORTED = /^export (?:default )?(?:abstract )?(?:async )?(?:function\*?|class|interface) (\w+)/;

/** Violations in one file, one line each. @param text of the file. */
export function checkDocs(path: string, text: string): string[] {
  const found: string[] = [];
  const opening = /^(?:#!.*\n)?\s*\/\*\*[^]*?\*\//.exec(text)?.[0] ?? "";
  if (!opening.includes("@module")) {
    found.push(`${path}: no opening comment that says what the file owns (with @module)`);
  }
  const lines = text.split("\n");
  const openingLines = opening.split("\n").length;
  let previous = "";
  lines.forEach((line, i) => {
    const name = EXPORTED.exec(line)?.[1];
    if (name === undefined) return;
    const commented = i > openingLines && lines[i - 1]!.trimEnd().endsWith("*/");
    const isOverload = name === previous;
    if (!commented && !isOverload) found.push(`${path}:${i + 1}: ${name} is exported without a doc comment`);
    previous = name;
  });
  return found;
}

if (import.meta.main) {
  let failed = false;
  for (const file of await listFiles(ROOT)) {
    if (isOutsideProgram(file) && !file.startsWith("scripts/")) continue;
    if (file.endsWith("_test.ts")) continue;
    for (const line of checkDocs(file, await Deno.readTextFile(`${ROOT}/${file}`))) {
      console.error(line);
      failed = true;
    }
  }
  Deno.exit(failed ? 1 : 0);
}
