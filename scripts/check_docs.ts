/**
 * Holds production files to the style's rule on comments: each file opens by saying what it owns, and what
 * others call (exported functions, classes and interfaces) has a doc comment. `deno doc --lint` asks for more
 * than that, such as an explicit type on every zod schema, which would write each of them twice. And holds
 * the promises of docs/security.md to tests that exist.
 * @module
 */
import { isOutsideProgram, listFiles, ROOT } from "./tree.ts";

const EXPORTED = /^export (?:default )?(?:abstract )?(?:async )?(?:function\*?|class|interface) (\w+)/;

/** Violations in one file, one line each. @param text the file's text. */
export function checkDocs(path: string, text: string): string[] {
  const found: string[] = [];
  const opening = /^(?:#!.*\n)?\s*\/\*\*[^]*?\*\//.exec(text)?.[0] ?? "";
  if (!opening.includes("@module")) {
    found.push(`${path}: the opening comment is missing (with @module), which says what the file owns`);
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

const TEST = /`([\w/.]+_test\.ts)`: ([^`]+?)(?=; `|$)/g;

/** The rows of the table of promises, as cells. Its columns are promise, how, test. */
function promisesOf(page: string): string[][] {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => /^\| promise +\|/.test(line));
  const end = lines.findIndex((line, i) => i > start && !line.startsWith("|"));
  return lines.slice(start + 2, end).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/**
 * Finds promises without an existing test, one line each. A test is cited by its path in backquotes, a colon,
 * and its name or a part of it. Several citations are separated by `; `.
 *
 * @param read the text of a file, or undefined if it does not exist.
 */
export async function checkPromises(
  page: string,
  read: (path: string) => Promise<string | undefined>,
): Promise<string[]> {
  const rows = promisesOf(page);
  const found = rows.length === 0 ? ["docs/security.md: no table of promises"] : [];
  for (const [promise, , tests = ""] of rows) {
    const named = [...tests.matchAll(TEST)];
    if (named.length === 0) found.push(`docs/security.md: no test shows: ${promise}`);
    for (const [, path, name] of named) {
      const text = await read(path!);
      if (text === undefined) found.push(`docs/security.md: there is no ${path} (${promise})`);
      else if (name!.length < 15 || !text.includes(name!)) {
        found.push(`docs/security.md: ${path} has no test "${name}" (${promise})`);
      }
    }
  }
  return found;
}

const readFile = (path: string) => Deno.readTextFile(`${ROOT}/${path}`).catch(() => undefined);

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
  for (const line of await checkPromises((await readFile("docs/security.md"))!, readFile)) {
    console.error(line);
    failed = true;
  }
  Deno.exit(failed ? 1 : 0);
}
