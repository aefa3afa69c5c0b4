/** Holds the decisions in docs/decisions/ to one form, so that a reader knows where to look. @module */
import assert from "node:assert/strict";
import { ROOT } from "./tree.ts";

const FOLDER = `${ROOT}/docs/decisions`;

/** What a decision lacks of the common form, one line each. */
function formIssues(name: string, text: string): string[] {
  const number = /^(\d{4})-[a-z0-9-]+\.md$/.exec(name)?.[1];
  if (number === undefined) return [`${name}: its name is not <number>-<words>.md`];
  const [title, , date, , opening = ""] = text.split("\n");
  const found: string[] = [];
  if (!title!.startsWith(`# ${number}: `)) {
    found.push(`${name}: its title does not begin with "# ${number}: "`);
  }
  if (!/^\d{4}-\d\d-\d\d$/.test(date ?? "")) found.push(`${name}: its date does not follow the title`);
  if (!/^[A-Z0-9\`[]/.test(opening)) found.push(`${name}: it does not begin with the problem, in a sentence`);
  if (/^(\*\*)?Not chosen\b/m.test(text)) found.push(`${name}: "Not chosen" is no heading of its own`);
  const [, rejected] = text.split("\n## Not chosen\n");
  if (rejected !== undefined && !rejected.trimStart().startsWith("| ")) {
    found.push(`${name}: what was not chosen is no table`);
  }
  return found;
}

const GOOD = "# 0001: A title\n\n2026-11-28\n\nA problem.\n\n## Not chosen\n\n| alternative | why not |\n";

Deno.test("formIssues() lets a decision of the common form pass, and names what another one lacks", () => {
  assert.deepEqual(formIssues("0001-a-title.md", GOOD), []);
  const wrong: [name: string, text: string][] = [
    ["a-title.md", GOOD],
    ["0002-a-title.md", GOOD],
    ["0001-a-title.md", GOOD.replace("2026-11-28", "yesterday")],
    ["0001-a-title.md", GOOD.replace("A problem.", "- a list")],
    ["0001-a-title.md", GOOD.replace("## Not chosen", "**Not chosen.** This")],
    ["0001-a-title.md", GOOD.replace("| alternative", "Not a table")],
  ];
  for (const [name, text] of wrong) assert.equal(formIssues(name, text).length, 1, `${name}: ${text}`);
});

Deno.test("every decision has the common form, and a number of its own", async () => {
  const names = (await Array.fromAsync(Deno.readDir(FOLDER))).map(({ name }) => name).sort();
  const texts = await Promise.all(names.map((name) => Deno.readTextFile(`${FOLDER}/${name}`)));
  assert.deepEqual(names.flatMap((name, i) => formIssues(name, texts[i]!)), []);
  const numbers = names.map((name) => name.slice(0, 4));
  assert.deepEqual(numbers, [...new Set(numbers)]);
});
