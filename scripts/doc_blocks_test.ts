/**
 * Tests that castfiles and runefiles in the documentation are valid, and that every command in it exists.
 * @module
 */
import assert from "node:assert/strict";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { listCommands, type ListedCommand } from "../cli/main.ts";
import { fakeTerminal } from "../cli/terminal_fixture.ts";
import { looksLikeRunefile, parseCastfile } from "../model/castfile.ts";
import { checkSet } from "../model/checks.ts";
import { formatPath } from "../model/field_issues.ts";
import { parseRunefile } from "../server/daemon/runefile.ts";
import { SCENES } from "../tests/docs_scenes.ts";
import { type Block, readBlocks, readPages, runeCommands, splitCommands } from "./doc_blocks.ts";

Deno.test("readBlocks() finds fenced blocks with their marks, even in lists", () => {
  const page =
    "text\n\n<!-- file: a.yaml -->\n\n```yaml\na: 1\n```\n\n- item:\n\n  ```sh\n  rune get\n  ```\n";
  assert.deepEqual(readBlocks("p.md", page), [
    { page: "p.md", line: 6, language: "yaml", text: "a: 1", file: "a.yaml" },
    { page: "p.md", line: 12, language: "sh", text: "rune get" },
  ]);
});

Deno.test("splitCommands() splits shell lines: quotes, comments, pipes, redirections, several lines", () => {
  assert.deepEqual(splitCommands("a 'b c' # d\ne --f=\"g h\" | i > j\nk \\\n  l <m>"), [
    ["a", "b c"],
    ["e", "--f=g h"],
    ["i"],
    ["k", "l", "m"],
  ]);
  const loop = 'while read n; do rune exec web -- grep "$n" x; done < names; sudo rune install; echo rune';
  assert.deepEqual(runeCommands(loop), [["exec", "web", "--", "grep", "$n", "x"], ["install"]]);
});

/** What is wrong with the words after `rune`; undefined if nothing is. */
function commandIssue(words: string[], all: ListedCommand[]): string | undefined {
  const names = (command: CommandUnknownOpts): string[] => [command.name(), ...command.aliases()];
  const leadsTo = ({ command }: ListedCommand) => {
    let at: CommandUnknownOpts | null = command;
    const path: CommandUnknownOpts[] = [];
    for (; at?.parent; at = at.parent) path.unshift(at);
    return path.every((part, i) => names(part).includes(words[i] ?? ""));
  };
  const found = all.filter(leadsTo).sort((a, b) => b.words.length - a.words.length)[0];
  if (words.length === 0 || words[0] === "help") return undefined;
  // A group may also have an action: `rune deps api`.
  const group = all.map(({ command }) => command.parent).find((parent) =>
    parent?.name() === words[0] && parent!.registeredArguments.length > 0
  );
  const command = found?.command ?? group;
  if (!command) return "there is no such command";
  const given = words.slice(found?.words.length ?? 1);
  const { operands, unknown } = command.parseOptions(given);
  const dashes = unknown.indexOf("--");
  const strange = (dashes < 0 ? unknown : unknown.slice(0, dashes)).filter((word) =>
    word.startsWith("-") && word !== "-"
  );
  if (strange.length > 0) return `unknown option ${strange[0]}`;
  const values = operands.length + unknown.length - strange.length;
  const needed = command.registeredArguments.filter((argument) => argument.required).length;
  if (values < needed) return `expected ${needed} arguments, found ${values}`;
  const missing = command.options.find((option) =>
    option.mandatory && !given.some((word) => [option.short, option.long].includes(word.split("=")[0]))
  );
  return missing && `${missing.long} is required`;
}

const placeOf = ({ page, line }: Block) => `${page}:${line}`;

Deno.test("every command in the documentation exists, and so do its options", async () => {
  const all = await listCommands(fakeTerminal());
  const wrong: string[] = [];
  for (const [page, text] of await readPages()) {
    for (const block of readBlocks(page, text).filter(({ language }) => language === "sh")) {
      for (const words of runeCommands(block.text)) {
        let issue: string | undefined;
        try {
          issue = commandIssue(words, all);
        } catch (error) {
          issue = String(error);
        }
        if (issue !== undefined) wrong.push(`${placeOf(block)}: rune ${words.join(" ")}: ${issue}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("every command that the text of a page names exists", async () => {
  const all = await listCommands(fakeTerminal());
  const wrong: string[] = [];
  for (const [page, text] of await readPages()) {
    const outside = text.replaceAll(/^ *```[^]*?^ *```$/gm, "");
    for (const [, command] of outside.matchAll(/`(rune [a-z][^`\n]*)`/g)) {
      for (const words of runeCommands(command!.replaceAll(/[…|].*/g, ""))) {
        const issue = commandIssue(words, all);
        // A sentence may leave out the arguments.
        if (issue !== undefined && !/expected \d+ arguments|is required/.test(issue)) {
          wrong.push(`${page}: ${command}: ${issue}`);
        }
      }
    }
  }
  assert.deepEqual(wrong, []);
});

/** Puts a piece of a service into a complete one. */
function wrap({ text, partOf }: Block): string {
  if (partOf === undefined) return text;
  const indent = (piece: string) => piece.split("\n").map((line) => `  ${line}`).join("\n");
  const base = /^image:/m.test(text) ? "" : "  image: registry.example.com/some:1\n";
  return `service:\n  name: some\n${base}${indent(text)}\n`;
}

/** What is wrong with a block of YAML. */
function yamlIssues(block: Block): string[] {
  const text = wrap(block);
  if (looksLikeRunefile(text)) {
    const variables = new Proxy({}, { get: () => "a" });
    try {
      parseRunefile(text, { file: block.page, env: (name: string) => Reflect.get(variables, name) });
      return [];
    } catch (error) {
      return [String(error)];
    }
  }
  const { resources, issues } = parseCastfile(text, { file: block.page, namespace: "default" });
  const mistakes = [
    ...issues,
    ...issues.length > 0 ? [] : checkSet(resources.map(({ declared }) => declared)),
  ];
  if (resources.length === 0 && mistakes.length === 0) return ["it declares nothing"];
  return mistakes.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

Deno.test("every castfile and runefile in the documentation is valid", async () => {
  const wrong: string[] = [];
  for (const [page, text] of await readPages()) {
    for (const block of readBlocks(page, text)) {
      if (block.language !== "yaml" || block.notRun !== undefined) continue;
      wrong.push(...yamlIssues(block).map((issue) => `${placeOf(block)}: ${issue}`));
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("every scene belongs to a page, has a valid castfile, and refers to existing blocks", async () => {
  const pages = await readPages();
  for (const [page, { cast = "", before = {} }] of Object.entries(SCENES)) {
    const blocks = readBlocks(page, pages.get(page) ?? "");
    for (const start of Object.keys(before)) {
      assert.ok(
        blocks.some(({ text, notRun }) => notRun === undefined && text.startsWith(start)),
        `${page}: ${start}`,
      );
    }
    const { issues } = parseCastfile(cast.replaceAll("IMAGE", "some:1"), {
      file: page,
      namespace: "default",
    });
    assert.deepEqual(issues, [], page);
  }
});
