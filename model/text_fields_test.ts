/**
 * Tests that a text in the file is the text in the declaration, for every text field of every castable kind.
 * @module
 */
import assert from "node:assert/strict";
import { LineCounter, parseDocument } from "yaml";
import { parseCastfile } from "./castfile.ts";
import { BODIES, type CastKind, parseDeclared } from "./declared.ts";
import { defOf, schemasAt } from "./schema_parts.ts";
import { textsAsWritten } from "./text_fields.ts";
import { FIELDS, TEXTS, valueAt } from "./text_fields_fixture.ts";
import { readYamlTree } from "./yaml_tree.ts";

/** A body as its schema receives it. */
function read(kind: CastKind, source: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, uniqueKeys: false });
  assert.deepEqual(document.errors, [], source);
  const { value, texts, problems } = readYamlTree(document, lines);
  assert.deepEqual(problems, [], source);
  return textsAsWritten(value, BODIES[kind], { texts });
}

/** Fields that accept a number or a name. */
const NUMBER_OR_NAME = /^service\.(expose|health\.(liveness|readiness|startup))\.port$/;

Deno.test("every text field of every kind gets the text that stands in the file", () => {
  assert.ok(FIELDS.length > 80, `${FIELDS.length}`);
  for (const field of FIELDS) {
    const name = `${field.kind}.${field.path.join(".")}`;
    const forms = schemasAt(BODIES[field.kind], field.path);
    for (const text of TEXTS) {
      const found = read(field.kind, field.write(text));
      if (field.isKey) {
        assert.deepEqual(Object.keys(valueAt(found, field.path) as object), [text], name);
        continue;
      }
      if (forms.some((form) => defOf(form).type === "number")) {
        assert.match(name, NUMBER_OR_NAME, "a new field takes numbers and texts: which of both?");
        continue;
      }
      assert.equal(valueAt(found, field.path), text, name);
    }
  }
});

/** The content of a castfile, or its issues. */
function outcome(text: string): unknown {
  const { resources, issues } = parseCastfile(text, { file: "f", namespace: "default" });
  return issues.length > 0
    ? issues.map(({ path, message, hint, line }) => ({ path, message, hint, line }))
    : resources.map(({ declared, body }) => ({ declared, body }));
}

Deno.test("a text means the same with and without quotes, in every text field of every kind", () => {
  for (const { kind, path, write, isKey } of FIELDS) {
    if (schemasAt(BODIES[kind], path).some((form) => defOf(form).type === "number") && !isKey) continue;
    for (const text of TEXTS) {
      const [bare, quoted] = [text, `"${text}"`].map((value) => outcome(`${kind}: ${write(value)}`));
      assert.deepEqual(bare, quoted, `${kind}: ${write(text)}`);
    }
  }
});

Deno.test("a port is a number if it looks like one, and else the name of a port", () => {
  const portOf = (text: string) => {
    const source =
      `service: { name: a, image: b, ports: [{ name: x1, port: 80 }], expose: { port: ${text} } }`;
    const found = outcome(source) as { body?: { expose: unknown }; message?: string }[];
    return found[0]!.message ?? (found[0]!.body!.expose as { port: unknown }).port;
  };
  assert.equal(portOf("80"), 80);
  assert.equal(portOf("x1"), "x1");
  assert.match(String(portOf("5308e64")), /no port .*"5308e64"/);
});

Deno.test("parseDeclared() accepts numbers from programs as JavaScript writes them, and refuses values without a text", () => {
  const parse = (env: unknown) =>
    parseDeclared("service", { name: "a", image: "b", env }, { namespace: "default" });
  const result = parse({ A: 1, B: true, C: "c" });
  assert.ok("declared" in result);
  assert.deepEqual(result.body.env, { A: "1", B: "true", C: "c" });
  for (const value of [null, [], {}, [1], { a: 1 }]) {
    const refused = parse({ A: value });
    assert.ok("issues" in refused, JSON.stringify(value));
    assert.deepEqual(refused.issues[0]!.path, ["env", "A"]);
    assert.ok(refused.issues[0]!.hint !== undefined);
  }
});

Deno.test("only readYamlTree() reads users' files, because a parser's own values have no source texts", async () => {
  const found: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) await visit(path);
      else if (
        name.endsWith(".ts") && !name.endsWith("_test.ts") &&
        /\.toJS\(|\bparse\b[^;]*from "yaml"/.test(await Deno.readTextFile(path))
      ) {
        found.push(path);
      }
    }
  };
  const root = new URL("..", import.meta.url).pathname;
  for (const room of ["base", "model", "store", "drivers", "runners", "node", "reconcile", "server", "cli"]) {
    await visit(`${root}${room}`);
  }
  assert.deepEqual(found, []);
});
