import assert from "node:assert/strict";
import { parseCastfile } from "./castfile.ts";

/** Invalid YAML files, with the position and the words of the one mistake. */
const WRONG: [text: string, place: string, message: RegExp, hint: RegExp | undefined][] = [
  ["service:\n  image: nginx:\n", "2:10", /a key inside/, /in quotes if it contains ": ".*or ends in ":"/],
  ["service:\n  name: a\n   image: b\n", "2:9", /a key inside/, /align the keys/],
  ["service:\n\tname: a\n", "2:1", /a tab in the indentation/, /spaces/],
  ["service:\n  command: @foo\n", "2:12", /a text cannot begin with this character/, /in quotes/],
  ['service:\n  env: { A: "b\n', "3:1", /a quote, a bracket or a comma is missing/, /close/],
  ['service:\n  env: { A: "\\d" }\n', "2:14", /unknown escape/, /single quotes/],
  ["service:\n  name a\n  image: b\n", "2:3", /without its colon/, /key: value/],
  ["service:\n  labels: { a: b: c }\n", "2:16", /a key inside/, /in quotes/],
];

Deno.test("an invalid YAML file is refused with one mistake, in plain words", () => {
  for (const [text, place, message, hint] of WRONG) {
    const { issues } = parseCastfile(text, { file: "f", namespace: "default" });
    assert.equal(issues.length, 1, text);
    const [issue] = issues;
    assert.equal(`${issue!.line}:${issue!.column}`, place, text);
    assert.match(issue!.message, message);
    if (hint) assert.match(issue!.hint ?? "", hint);
    assert.doesNotMatch(issue!.message, /implicit|compact|block|scalar|indicator|flow/i);
  }
});
