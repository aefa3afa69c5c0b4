/**
 * Holds docs/troubleshooting.md to the program: each sentence that it explains is one that the program says,
 * or that the test which produces it expects where the program puts it together from parts. An entry is a
 * line with the sentence, `` **`volume <name> is full`** ``, and below it why, what to do, and the tests: ``
 * <!-- `<path>_test.ts`: name of the test, or a part of it --> ``. What changes in a sentence stands in
 * `<…>`.
 * @module
 */
import { isOutsideProgram, listFiles, ROOT } from "./tree.ts";

const PAGE = "docs/troubleshooting.md";
const SENTENCE = /^\*\*`(.+)`\*\*$/;
const TEST = /`([\w/.]+_test\.ts)`: ([^`]+?)(?=; `|\s*-->|$)/g;
/** Shorter pieces of a message could occur anywhere. */
const SHORTEST = 10;

/** An entry of the page. */
export interface Entry {
  sentence: string;
  tests: { path: string; name: string }[];
}

/** The entries of the page, in order. */
export function entriesOf(page: string): Entry[] {
  const entries: Entry[] = [];
  for (const line of page.split("\n")) {
    const sentence = SENTENCE.exec(line.trim())?.[1];
    if (sentence !== undefined) entries.push({ sentence, tests: [] });
    else if (line.includes("<!--")) {
      entries.at(-1)?.tests.push(
        ...[...line.matchAll(TEST)].map(([, path, name]) => ({ path: path!, name: name!.trim() })),
      );
    }
  }
  return entries;
}

/** The constant pieces of a message. */
const piecesOf = (sentence: string) =>
  sentence.split(/<[^>]+>|…/).map((piece) => piece.trim()).filter((piece) => piece.length >= SHORTEST);

/**
 * Finds mistakes on the page, one line each.
 *
 * @param program the text of the whole program, without its tests.
 * @param read the text of a test file, or undefined if it does not exist.
 */
export async function checkTroubleshooting(
  page: string,
  { program, read }: { program: string; read: (path: string) => Promise<string | undefined> },
): Promise<string[]> {
  const entries = entriesOf(page);
  const found = entries.length === 0 ? [`${PAGE}: the page explains no message`] : [];
  for (const { sentence, tests } of entries) {
    const pieces = piecesOf(sentence);
    if (pieces.length === 0) found.push(`${PAGE}: too little of the message is constant: ${sentence}`);
    const expected = (await Promise.all(tests.map(({ path }) => read(path)))).join("\n");
    for (const piece of pieces) {
      if (program.includes(piece) || expected.includes(piece)) continue;
      found.push(`${PAGE}: the program never says "${piece}" (${sentence})`);
    }
    if (tests.length === 0) found.push(`${PAGE}: no test produces: ${sentence}`);
    for (const { path, name } of tests) {
      const text = await read(path);
      if (text === undefined) found.push(`${PAGE}: there is no ${path} (${sentence})`);
      else if (name.length < 15 || !text.includes(name)) {
        found.push(`${PAGE}: ${path} has no test "${name}" (${sentence})`);
      }
    }
  }
  return found;
}

/** Source text with messages joined that the formatter split into several lines. */
export function joinLiterals(source: string): string {
  return source.replace(/(["`])\s*\+\s*(["`])/g, "");
}

if (import.meta.main) {
  const read = (path: string) => Deno.readTextFile(`${ROOT}/${path}`).catch(() => undefined);
  const sources = (await listFiles(ROOT)).filter((file) =>
    !isOutsideProgram(file) && !file.endsWith("_test.ts")
  );
  sources.push("runners/process/setup.sh");
  const program = joinLiterals((await Promise.all(sources.map(read))).join("\n"));
  const found = await checkTroubleshooting((await read(PAGE)) ?? "", { program, read });
  for (const line of found) console.error(line);
  Deno.exit(found.length > 0 ? 1 : 0);
}
