import assert from "node:assert/strict";
import { processSentenceIssue, sentenceIssue } from "./command_words.ts";
import { parseCastfile } from "./castfile.ts";

Deno.test("sentenceIssue() shows the list that a sentence stands for", () => {
  const table: [text: string, list: string][] = [
    ["sh -c 'echo hi'", '[sh, -c, "echo hi"]'],
    ["npm run start", "[npm, run, start]"],
    [' serve "a b"  --port=80 8080 ', '[serve, "a b", --port=80, "8080"]'],
    ["a --x='b c'", '[a, "--x=b c"]'],
    ["a && b", '[sh, -c, "a && b"]'],
    ["echo $HOME", '[sh, -c, "echo $HOME"]'],
    ["echo 'unfinished", '[sh, -c, "echo \'unfinished"]'],
  ];
  for (const [text, list] of table) assert.ok(sentenceIssue(text)?.endsWith(`write a list, ${list}`), text);
  for (const word of ["/bin/sh", "nginx", "5432"]) assert.equal(sentenceIssue(word), undefined);
});

Deno.test("processSentenceIssue() shows command and args, and accepts a path with spaces", () => {
  assert.match(
    processSentenceIssue("/bin/sh -c 'exec app'")!,
    /write command: \/bin\/sh and args: \[-c, "exec app"\]$/,
  );
  assert.match(processSentenceIssue("python app.py")!, /write command: python and args: \[app\.py\]$/);
  assert.match(processSentenceIssue("/bin/cp /a /b")!, /args: \[\/a, \/b\]$/);
  for (const path of ["/bin/sh", "/opt/My App/bin/run", "/srv/a b c/d"]) {
    assert.equal(processSentenceIssue(path), undefined, path);
  }
});

Deno.test("a command that is a sentence is refused in services, processes and init steps, and a list is accepted", () => {
  const paths = (text: string) =>
    parseCastfile(text, { file: "f", namespace: "default" }).issues.map(({ path }) => path.join("."));
  assert.deepEqual(paths("service: { name: a, image: b, command: sh -c x }"), ["command"]);
  assert.deepEqual(paths("service: { name: a, process: { command: sh -c x } }"), ["process.command"]);
  assert.deepEqual(
    paths("service: { name: a, image: b, initSteps: [{ name: s, command: sh -c x }] }"),
    ["initSteps.0.command"],
  );
  assert.deepEqual(paths('service: { name: a, image: b, command: ["/opt/My App/run", "-c x"] }'), []);
});

Deno.test("a text instead of a list of words, and a sentence as the program of a list, are refused with the list to write", () => {
  const issues = (fields: string) =>
    parseCastfile(`service: { name: a, image: b, ${fields} }`, { file: "f", namespace: "default" }).issues
      .map(({ path, message, hint }) =>
        `${path.join(".")}: ${message}${hint === undefined ? "" : ` (${hint})`}`
      );
  assert.deepEqual(issues('args: "-c foo"'), ["args: expected a list of strings (write a list, [-c, foo])"]);
  const probe = (command: string) => issues(`health: { readiness: { type: exec, command: ${command} } }`);
  assert.deepEqual(probe('"nc -z db 5432"'), [
    'health.readiness.command: expected a list, found "nc -z db 5432" (write a list, [nc, -z, db, "5432"])',
  ]);
  assert.match(
    probe('["nc -z db 5432"]')[0]!,
    /^health\.readiness\.command\.0: .*write \[nc, -z, db, "5432"\]$/,
  );
  assert.match(issues('command: ["npm run start"]')[0]!, /^command\.0: .*write \[npm, run, start\]$/);
  assert.deepEqual(probe("[sh, -c, 'nc -z db 5432']"), []);
});
