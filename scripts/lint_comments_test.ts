import assert from "node:assert/strict";
import config from "../deno.json" with { type: "json" };
import plugin, { WIDTH, wrapBlock, wrapLines } from "./lint_comments.ts";

const lint = (source: string) => Deno.lint.runPlugin(plugin, "server/some.ts", source).map(({ id }) => id);
const words = (n: number) => Array.from({ length: n }, (_, i) => `word${i}`).join(" ");

Deno.test("the comment rule refuses comments wider than a line, in any form", () => {
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

Deno.test("the comment rule ignores comments that fit or cannot wrap, and text that only looks like one", () => {
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

Deno.test("wrapLines() wraps only wide lines, and keeps lists, tags and fences apart", () => {
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

Deno.test("wrapBlock() turns a long line into a block, with @module on its own line", () => {
  const wrapped = wrapBlock(`/** ${words(20)} @module */`, "");
  assert.match(wrapped, /^\/\*\*\n \* word0 [^\n]+\n \* word\d+[^\n]+\n \* @module\n \*\/$/);
  assert.ok(wrapped.split("\n").every((line) => line.length <= 110));
});

Deno.test("the comment rule has the formatter's width", () => assert.equal(WIDTH, config.fmt.lineWidth));
