import assert from "node:assert/strict";
import plugin from "./lint_joined_names.ts";

const lint = (source: string, path = "server/some.ts") =>
  Deno.lint.runPlugin(plugin, path, source).map(({ id }) => id);

const FOUND = ["rune-joined-names/owner"];

Deno.test("the rule about joined names finds a claimed volume's or an instance's name, however it is made", () => {
  for (
    const source of [
      "const a = `${mount.name}-${service}-${n}`;",
      "const a = `${stem}-${ordinal}`;",
      "const a = `data-${service}` + `-${n}`;",
      'const a = mount + "-" + service + "-" + n;',
      'const a = m.name + ("-" + i);',
      "const a = name.startsWith(`${mount}-`);",
      "const a = names.map((n) => stem.concat(`-${n}`));",
      'const a = [mount, service, n].join("-");',
      'const a = mount.concat("-", service);',
      "const a = `${mount}-${service}-<n>`;",
      'const a = service + "-<n>";',
      'let a = stem; a += "-" + n;',
      "const a = `${`${mount}-`}${service}`;",
    ]
  ) {
    assert.deepEqual(lint(source), FOUND, source);
  }
});

Deno.test("the rule about joined names finds one that is taken apart by hand", () => {
  for (
    const source of [
      'const a = name.split("-").at(-1);',
      'const a = name.slice(name.lastIndexOf("-") + 1);',
      "const a = /^(.+)-(\\d+)$/.exec(name);",
      "const a = /-(?<ordinal>[0-9]+)$/.exec(name);",
      "const a = /-(0|[1-9]\\d*)$/.exec(name);",
    ]
  ) {
    assert.deepEqual(lint(source), FOUND, source);
  }
});

Deno.test("the rule about joined names leaves other texts alone, and the owners of a grammar", () => {
  for (
    const source of [
      "const a = `--${flag}`;",
      "const a = `lock-${id}`;",
      "const a = `${name}-next`;",
      "const a = `${a} - ${b}`;",
      'const a = names.join(", ");',
      "const a = count - 1;",
      "const a = /^\\d{4}-\\d\\d-\\d\\d/.test(text);",
      'const a = "data-web-0";',
    ]
  ) {
    assert.deepEqual(lint(source), [], source);
  }
  const made = "const a = `${mount}-${service}`;";
  for (
    const path of ["model/claim_names.ts", "server/some_test.ts", "reconcile/testing/some.ts", "tests/a.ts"]
  ) {
    assert.deepEqual(lint(made, path), [], path);
  }
  assert.deepEqual(lint(made, "server/claim_names.ts"), FOUND);
});
