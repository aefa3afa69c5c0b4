import assert from "node:assert/strict";
import config from "../deno.json" with { type: "json" };
import plugin, { WIDTH, wrapBlock, wrapLines } from "./lint_comments.ts";

const lint = (source: string) => Deno.lint.runPlugin(plugin, "server/some.ts", source).map(({ id }) => id);
const words = (n: number) => Array.from({ length: n }, (_, i) => `word${i}`).join(" ");

Deno.test("the rule about comments refuses those that are wider than a line, whatever their form", () => {
  for (
    const source of [
      `/** ${words(30)} */\nexport const a = 1;`,
      `/**\n * short\n * ${words(30)}\n */\nexport const a = 1;`,
      `// ${words(30)}\nexport const a = 1;`,
      `/**\n *     preformatted ${words(30)}\n */\nexport const a = 1;`,
      `// … ä\nconst b = "…";\nfunction f() {\n  // short\n  // ${words(30)}\n}`,
    ]
  ) {
    assert.deepEqual(lint(source), ["rune-comments/width"], source);
  }
});

Deno.test("the rule about comments leaves what fits, what cannot be broken, and text that only looks like a comment", () => {
  for (
    const source of [
      `/** ${words(10)} */\nexport const a = 1;`,
      `// https://example.com/${"x".repeat(120)}\nexport const a = 1;`,
      `/**\n * | ${words(30)} |\n */\nexport const a = 1;`,
      `const text = \`\n// ${words(30)}\n\`;`,
      `// deno-lint-ignore ${words(30)}\nexport const a = 1;`,
    ]
  ) {
    assert.deepEqual(lint(source), [], source);
  }
});

Deno.test("wrapLines() fills only what is too wide, and keeps lists, tags and fences apart", () => {
  const lines = [
    "one",
    "- aaa bbb ccc ddd",
    "- e",
    "",
    "@returns fff ggg hhh",
    "```ts",
    "aaaa bbbb cccc dddd",
    "```",
  ];
  assert.deepEqual(wrapLines(lines, 12), [
    ...[
      "one",
      "- aaa bbb",
      "  ccc ddd",
      "- e",
      "",
      "@returns fff",
      "ggg hhh",
      "```ts",
      "aaaa bbbb cccc dddd",
      "```",
    ],
  ]);
});

Deno.test("wrapBlock() gives a long line a block of its own, and @module its line", () => {
  const wrapped = wrapBlock(`/** ${words(20)} @module */`, "");
  assert.match(wrapped, /^\/\*\*\n \* word0 [^\n]+\n \* word\d+[^\n]+\n \* @module\n \*\/$/);
  assert.ok(wrapped.split("\n").every((line) => line.length <= 110));
});

Deno.test("the rule about comments has the width of the formatter", () =>
  assert.equal(WIDTH, config.fmt.lineWidth));
