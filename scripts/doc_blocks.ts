/**
 * The fenced blocks of README.md and docs/: commands and castfiles that readers will copy. A comment on the
 * line before a block tells tests about it:
 *
 * - `<!-- file: web.yaml -->`: the file name that later commands of the page use;
 * - `<!-- part of: service -->`: a piece of YAML, which belongs into a service;
 * - `<!-- not run: why -->`: nobody runs it.
 * @module
 */
import { ROOT } from "./tree.ts";

/** A fenced block. */
export interface Block {
  /** `docs/storage.md` */
  page: string;
  /** Line of its first line of text, from 1. */
  line: number;
  /** `sh`, `yaml`; empty if the page does not say. */
  language: string;
  text: string;
  file?: string;
  partOf?: string;
  notRun?: string;
}

const MARK = /^\s*<!-- (file|part of|not run): (.+) -->$/;

/** The blocks of a page, in order. */
export function readBlocks(page: string, text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const [, indent = "", language = ""] = /^(\s*)```(\w*)\s*$/.exec(lines[i]!) ?? [];
    if (!lines[i]!.trimStart().startsWith("```")) continue;
    const end = lines.findIndex((line, at) => at > i && line.trim() === "```");
    const before = lines.slice(0, i).findLast((line) => line.trim() !== "") ?? "";
    const [, key, value] = MARK.exec(before) ?? [];
    blocks.push({
      page,
      line: i + 2,
      language,
      text: lines.slice(i + 1, end).map((line) => line.slice(indent.length)).join("\n"),
      ...(key === "file" && { file: value }),
      ...(key === "part of" && { partOf: value }),
      ...(key === "not run" && { notRun: value }),
    });
    i = end;
  }
  return blocks;
}

/** Every page for users, by path. */
export async function readPages(): Promise<Map<string, string>> {
  const paths = ["README.md"];
  for await (const { name } of Deno.readDir(`${ROOT}/docs`)) {
    if (name.endsWith(".md")) paths.push(`docs/${name}`);
  }
  paths.push("docs/reference/README.md", "docs/reference/api.md");
  const texts = await Promise.all(paths.sort().map((path) => Deno.readTextFile(`${ROOT}/${path}`)));
  return new Map(paths.map((path, i) => [path, texts[i]!]));
}

/**
 * Splits a shell script into commands and words, as far as documentation needs: quotes, comments, pipes,
 * redirections.
 */
export function splitCommands(script: string): string[][] {
  const commands: string[][] = [[]];
  let word: string | undefined;
  let skipsNext = false;
  const endWord = () => {
    if (word !== undefined && !skipsNext) commands.at(-1)!.push(word);
    if (word !== undefined) skipsNext = false;
    word = undefined;
  };
  // `<id>` stands for a value that the reader fills in.
  const text = script.replace(/<([a-z-]+)>/g, "$1").replace(/\\\n\s*/g, " ");
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "'" || char === '"') {
      const end = text.indexOf(char, i + 1);
      word = (word ?? "") + text.slice(i + 1, end);
      i = end;
    } else if (char === "#" && word === undefined) {
      i = (text.indexOf("\n", i) + text.length + 1) % (text.length + 1) - 1;
    } else if (char === "<" || char === ">") {
      if (word === "2") word = undefined;
      endWord();
      skipsNext = true;
    } else if ("\n;|&()`".includes(char)) {
      endWord();
      skipsNext = false;
      commands.push([]);
    } else if (/\s/.test(char)) endWord();
    else word = (word ?? "") + char;
  }
  endWord();
  return commands.filter((words) => words.length > 0);
}

/** What may come before a program: variables, programs that run it, and shell keywords. */
const BEFORE = /^(\w+=.*|sudo|do|then|exec|if|while|!)$/;

/** The words after `rune` in every command of a script that runs it. */
export function runeCommands(script: string): string[][] {
  return splitCommands(script).flatMap((words) => {
    const first = words.findIndex((word) => !BEFORE.test(word));
    return /^(\.\/)?rune$/.test(words[first] ?? "") ? [words.slice(first + 1)] : [];
  });
}
