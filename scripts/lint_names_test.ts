import assert from "node:assert/strict";
import plugin, { isParticiple } from "./lint_names.ts";

const lint = (source: string) => Deno.lint.runPlugin(plugin, "server/some.ts", source).map(({ id }) => id);

Deno.test("isParticiple() tells states from actions", () => {
  const states =
    "told chosen made held provisioned mounted absent newborn nearest rearmed interleaved closed damaged timed skipped running within";
  for (const name of states.split(" ")) assert.ok(isParticiple(name), name);
  for (
    const name of [
      "seed",
      "feed",
      "need",
      "embed",
      "ring",
      "run",
      "restore",
      "cast",
      "isClosed",
      "findNearest",
    ]
  ) {
    assert.ok(!isParticiple(name), name);
  }
  assert.ok(isParticiple("#known"));
});

Deno.test("the name rule refuses states in every place that names a function", () => {
  for (
    const source of [
      "function told() {}",
      "export async function* merged() {}",
      "const closed = () => 1;",
      "function f() { const held = function () {}; }",
      "class A { #known() {} }",
      "class A { mounted = () => 1; }",
      "interface A { closed(): boolean }",
      "interface A { copied?: () => Promise<void> }",
      "function f({ failed }: { failed: (error: unknown) => void }) {}",
    ]
  ) {
    assert.deepEqual(lint(source), ["rune-names/verbs"], source);
  }
});

Deno.test("the name rule accepts verbs, nouns and values", () => {
  for (
    const source of [
      "function findNearest() {}",
      "const isClosed = () => true;",
      "const closed = isClosed();",
      "class A { get closed() { return true; } closed2 = false; }",
      "interface A { closed: boolean; closed_at: string; get held(): boolean }",
      "const seed = () => 1;",
      "const volume = () => ({});",
    ]
  ) {
    assert.deepEqual(lint(source), [], source);
  }
});
