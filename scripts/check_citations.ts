/**
 * Holds comments and documentation to what a reader can open: every file and every decision that they cite is
 * in the repository, and they cite no document that is not.
 * @module
 */
import { listFiles, ROOT } from "./tree.ts";

/** A path of a source file or a page. What has `<…>`, `*` or `{…}` in it is a form, and no path. */
const PATH = /(?<![\w/.<>*{}:$@-])(?:\.{0,2}\/)?((?:[\w.-]+\/)*[\w.-]*\w\.(?:ts|md))(?![\w(*<{-])/g;
const DECISION = /\bdecisions?(?: |\/)`?(\d{4})\b/g;
/** Documents of those who made the program: a reader of the repository has none of them. */
const ELSEWHERE = /\b(?:SPEC \d|SPEC\.md|DESIGN(?:\.md)?\b[,"' ]|FACTS(?:\.md)?\b|seeds? 0\d\d)/g;
/** History: it speaks of files that have gone. */
const HISTORY = ["CHANGELOG.md"];

/** What of a file is prose: the comments of code, all of a page. Same lines, the others empty. */
function proseOf(path: string, text: string): string[] {
  const lines = text.split("\n");
  if (!path.endsWith(".ts")) return lines;
  return lines.map((line) =>
    /^\s*(?:\/\/|\/\*|\* |\*\/)/.test(line) ? line : /\s\/\/ [^"']*$/.exec(line)?.[0] ?? ""
  );
}

/** Whether a citation names a file: by its path, from where it stands, or by its last parts alone. */
function isThere(cited: string, from: string, files: readonly string[]): boolean {
  const beside = new URL(cited, `file:///${from}`).pathname.slice(1);
  return files.some((file) => file === cited || file === beside || file.endsWith(`/${cited}`));
}

/** Citations in one file that lead nowhere, one line each. @param files every path of the repository. */
export function checkCitations(path: string, text: string, files: readonly string[]): string[] {
  if (HISTORY.includes(path)) return [];
  return proseOf(path, text).flatMap((line, i) => {
    const place = `${path}:${i + 1}`;
    const paths = [...line.matchAll(PATH)].map(([, cited]) => cited!).filter((cited) =>
      !isThere(cited, path, files)
    );
    const decisions = [...line.matchAll(DECISION)].map(([, number]) => number!).filter((number) =>
      !files.some((file) => file.startsWith(`docs/decisions/${number}-`))
    );
    return [
      ...paths.map((cited) => `${place}: there is no ${cited}`),
      ...decisions.map((number) => `${place}: there is no decision ${number}`),
      ...[...line.matchAll(ELSEWHERE)].map(([cited]) =>
        `${place}: readers do not have ${cited}; say it, or cite docs/`
      ),
    ];
  });
}

if (import.meta.main) {
  const files = [...await listFiles(ROOT), ...await listFiles(ROOT, "", ".md")];
  const found: string[] = [];
  for (const file of files) {
    found.push(...checkCitations(file, await Deno.readTextFile(`${ROOT}/${file}`), files));
  }
  for (const line of found) console.error(line);
  Deno.exit(found.length === 0 ? 0 : 1);
}
