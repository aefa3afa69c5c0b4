import assert from "node:assert/strict";
import { UsageError } from "../terminal/exit_codes.ts";
import { parsePolicies } from "./policy_file.ts";

const parse = (text: string, name?: string) =>
  parsePolicies({ file: "p.yaml", text }, name === undefined ? {} : { name });
const RULES = "rules: [{ resource: services, verbs: [get] }]";

Deno.test("parsePolicies() reads every document, and ignores `builtin` of `policy get`", () => {
  const found = parse(
    `name: a\nbuiltin: true\n${RULES}\n---\n{"name": "b", ${'"rules"'}: [{"resource": "*", "verbs": ["*"], "namespace": "x"}]}`,
  );
  assert.deepEqual(found.map(({ name, rules }) => [name, rules[0]!.namespace]), [["a", "*"], ["b", "x"]]);
  assert.equal(parse(RULES, "c")[0]!.name, "c");
  assert.equal(parse(`name: a\n${RULES}`, "c")[0]!.name, "c");
});

Deno.test("parsePolicies() keeps texts as they stand in the file", () => {
  const [policy] = parse(`name: 007\ndescription: 1.10\n${RULES}`);
  assert.deepEqual([policy!.name, policy!.description], ["007", "1.10"]);
});

const WRONG: [string, string, RegExp, string?][] = [
  ["nothing", "", /contains no policy/],
  ["a list", "- a", /contains no policy/],
  ["no YAML", "a: [", /^p\.yaml: /],
  ["no name", RULES, /name: /],
  ["no rules", "name: a", /rules: /],
  ["an unknown verb", "name: a\nrules: [{ resource: services, verbs: [fly] }]", /rules\.0\.verbs\.0: /],
  ["an unknown field", `name: a\nrights: all\n${RULES}`, /rights/],
  ["one name for two", `${RULES}\n---\n${RULES}`, /contains 2 policies/, "x"],
];

for (const [what, text, message, name] of WRONG) {
  Deno.test(`parsePolicies() refuses ${what}`, () => {
    assert.throws(() => parse(text, name), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  });
}
