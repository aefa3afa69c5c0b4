import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "yaml";
import { findDuplicates, parseCastfile } from "./castfile.ts";
import { checkSet } from "./checks.ts";
import { formatPath } from "./field_issues.ts";

const options = { file: "f.yaml", namespace: "default" };
const parse = (text: string) => parseCastfile(text, options);

/** `line:column path: message` of every issue. */
function issuesOf(text: string): string[] {
  return parse(text).issues.map((i) => `${i.line}:${i.column} ${formatPath(i.path)}: ${i.message}`);
}

/** The same for one issue, with its hint. */
function onlyIssue(text: string) {
  const { issues } = parse(text);
  assert.equal(issues.length, 1, JSON.stringify(issues));
  const { line, column, hint, message } = issues[0]!;
  return { at: `${line}:${column}`, message, hint };
}

Deno.test("parseCastfile() points at an unknown field's name and suggests the known one", () => {
  const issue = onlyIssue("service:\n  name: web\n  image: a\n  imgae: b\n");
  assert.deepEqual(issue, { at: "4:3", message: 'unknown field "imgae"', hint: 'did you mean "image"?' });
});

Deno.test("parseCastfile() points at values: blocked mountPath, bad quantity, bad enum", () => {
  const text = `service:
  name: web
  image: a
  volumes:
    - name: data
      mountPath: /etc
      claim: { name: v }
    - name: more
      mountPath: /more
      claimTemplate: { size: 10Gx, accessMode: ReadWriteOne }
`;
  const found = issuesOf(text);
  assert.equal(found.length, 3, found.join("\n"));
  assert.match(found[0]!, /^6:18 volumes\[0\]\.mountPath: .*reserved/);
  assert.match(found[1]!, /^10:30 volumes\[1\]\.claimTemplate\.size: expected a size/);
  assert.match(found[2]!, /^10:48 .*accessMode: expected one of ReadWriteOnce/);
});

Deno.test("parseCastfile() says which values are possible, what it found, and what was probably meant", () => {
  const service = (more: string) => onlyIssue(`service:\n  name: web\n  image: a\n${more}`);
  const probe = (fields: string) => service(`  health: { liveness: { ${fields} } }\n`);
  assert.deepEqual(probe("type: htp, port: 1"), {
    at: "4:31",
    message: 'expected one of http, tcp, exec, found "htp"',
    hint: 'did you mean "http"?',
  });
  assert.equal(probe("port: 1").message, "required: expected one of http, tcp, exec");
  assert.equal(probe("type: http, port: 1, path: x").message, "expected a path that starts with /");
  assert.equal(probe("type: exec, command: []").message, "expected at least 1 entry, found an empty list");
  const restart = service("  restart: sometimes\n");
  assert.deepEqual([restart.message, restart.hint], [
    'expected one of always, on-failure, never, found "sometimes"',
    undefined,
  ]);
  const short = onlyIssue("volume: { name: v, size: 1Gi, accessMode: RWX }\n");
  assert.equal(short.hint, 'did you mean "ReadWriteMany"?');
});

Deno.test("parseCastfile() refuses claim and claimTemplate together, and neither", () => {
  const both = `service:
  name: web
  image: a
  volumes:
    - name: data
      mountPath: /data
      claim: { name: v }
      claimTemplate: { size: 1Gi, accessMode: ReadWriteOnce }
`;
  assert.match(issuesOf(both)[0]!, /^8:7 volumes\[0\]\.claimTemplate: .*exactly one.*both/);
  const neither = "service:\n  name: w\n  image: a\n  volumes:\n    - {name: d, mountPath: /d}\n";
  assert.match(issuesOf(neither)[0]!, /^5:7 volumes\[0\]: .*neither/);
});

Deno.test("parseCastfile() says where the YAML is broken, and recognises a Kubernetes manifest", () => {
  assert.match(issuesOf("service:\n  name: [a\n")[0]!, /^\d+:\d+ : /);
  assert.match(issuesOf("a: 1\na: 2\n").join(), /2:1 .*unique/);
  assert.match(issuesOf("apiVersion: v1\nkind: Pod\n").join(), /Kubernetes manifest/);
  assert.match(issuesOf("server: {}\ndata-dir: /a\n").join(), /1:1 .*looks like a runefile/);
  assert.doesNotMatch(issuesOf("server: {}\nservice: {}\n").join(), /runefile/);
  assert.match(issuesOf("- a\n").join(), /1:1 : expected a map/);
  assert.match(onlyIssue("servce: {}\n").hint!, /did you mean "service"/);
});

Deno.test("parseCastfile() takes several documents, plural lists, JSON, and x- keys for anchors", () => {
  const yaml = `x-env: &env { A: "1" }
services:
  - { name: a, image: i, env: *env }
  - { name: b, image: i }
---
volumes: [{ name: v, size: 1Gi, accessMode: ReadWriteOnce }]
---
`;
  const { resources, issues } = parse(yaml);
  assert.deepEqual(issues, []);
  assert.deepEqual(resources.map((r) => `${r.declared.kind}/${r.declared.name}`), [
    "service/a",
    "service/b",
    "volume/v",
  ]);
  const json = parse(JSON.stringify({ service: { name: "a", image: "i" } }));
  assert.deepEqual(json.issues, []);
  assert.equal(json.resources.length, 1);
});

Deno.test("parseCastfile() survives alias bombs and deep nesting", () => {
  let bomb = "a: &a0 [x]\n";
  for (let i = 1; i < 30; i++) bomb += `b${i}: &a${i} [${Array(10).fill(`*a${i - 1}`).join(",")}]\n`;
  assert.ok(parse(bomb).issues.length > 0);
  const deep = "service: " + "{a: ".repeat(500) + "1" + "}".repeat(500);
  assert.match(issuesOf(deep).join(), /nested deeper|too deep/i);
});

Deno.test("checkSet() refuses scale 2 on a ReadWriteOnce claim, and lets readOnly mounts share it", () => {
  const cast = (readOnly: boolean) =>
    parse(`volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }
---
service:
  name: web
  image: a
  scale: 2
  volumes:
    - { name: data, mountPath: /data, readOnly: ${readOnly}, claim: { name: v } }
`).resources;
  const resources = cast(false);
  const [issue] = checkSet(resources.map((r) => r.declared));
  assert.equal(issue?.resource, 1);
  assert.match(issue!.message, /ReadWriteOnce: expected scale 1, found 2/);
  assert.deepEqual(resources[1]!.locate(issue!.path), { file: "f.yaml", line: 8, column: 56 });
  assert.deepEqual(checkSet(cast(true).map((r) => r.declared)), []);
});

Deno.test("findDuplicates() names the position of the first", () => {
  const { resources } = parse("service: {name: a, image: i}\n---\nservice: {name: a, image: j}\n");
  assert.match(findDuplicates(resources)[0]!.message, /declared twice; the first is at f\.yaml:1:17/);
});

Deno.test("a service survives a round trip through YAML", () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9]{0,10}$/);
  const service = fc.record({
    name,
    image: fc.constantFrom("a:1", `b@sha256:${"0".repeat(64)}`, "c/d:2"),
    scale: fc.integer({ min: 0, max: 9 }),
    env: fc.dictionary(fc.stringMatching(/^[A-Z]{1,5}$/), fc.string({ maxLength: 20 })),
    args: fc.array(fc.string({ maxLength: 10 }), { maxLength: 3 }),
    labels: fc.dictionary(name, fc.string({ maxLength: 10 })),
  });
  fc.assert(fc.property(service, (body) => {
    const { resources, issues } = parse(stringify({ service: body }));
    assert.deepEqual(issues, []);
    const { declared } = resources[0]!;
    assert.equal(declared.kind, "service");
    const { scale, env, args } = declared.spec as Pick<typeof body, "scale" | "env" | "args">;
    assert.deepEqual({ scale, env, args, labels: declared.labels }, {
      scale: body.scale,
      env: { ...body.env },
      args: body.args,
      labels: { ...body.labels },
    });
    const again = parse(JSON.stringify({ service: resources[0]!.body })).resources[0]!.declared;
    assert.deepEqual(again, declared);
  }));
});

Deno.test("parseCastfile() refuses keys that are maps, however deep, duplicate keys, and endless aliases", () => {
  const messages = (text: string) =>
    parseCastfile(text, { file: "f", namespace: "default" }).issues.map((
      { message, line },
    ) => [message, line]);
  assert.deepEqual(messages("? ".repeat(500))[0], ["a key must be a text", 1]);
  assert.deepEqual(messages("configmap:\n  name: a\n  data:\n    k: v\n    k: w\n"), [[
    "Map keys must be unique",
    5,
  ]]);
  assert.deepEqual(messages("service:\n  <<: { a: b }\n  name: a\n")[0]![1], 2);
  assert.deepEqual(messages(`x-a: &a b\nservice:\n  args:\n${"    - *a\n".repeat(2_000)}`).length, 1);
});

Deno.test("parseCastfile() recognises a Compose file, and names its services", () => {
  const compose =
    "version: '3'\nservices:\n  web: { image: nginx }\n  db: { image: postgres }\nvolumes: { data: }\n";
  const issue = onlyIssue(compose);
  assert.equal(issue.at, "2:1");
  assert.match(issue.message, /^this is a Compose file/);
  assert.match(issue.hint!, /for each of web, db: .*depends_on is dependencies/);
  assert.match(
    onlyIssue("services: { name: a, image: b }\nsecret: { name: a }\n").message,
    /expected a list/,
  );
});

Deno.test("parseCastfile() names each wrong entry of data, lists and choices by its own path and position", () => {
  assert.deepEqual(
    issuesOf(`configmap:
  name: a
  data:
    GOOD: 1
    BAD: [1]
    bad/key: x
---
secret:
  name: a
  data:
    - { key: a, value: 1 }
    - { key: b, value: { c: d } }
    - { key: a, value: 2 }
---
service:
  name: a
  image: b
  command: [a, [b]]
  health: { liveness: { type: http, port: 80, headers: { A: ~ } } }
`),
    [
      "5:5 data.BAD: expected a string, found a list",
      "6:14 data.bad/key: expected a key of letters, digits, '.', '_' and '-', at most 253",
      "12:17 data[1].value: expected a string, found a map",
      "18:16 command[1]: expected a string, found a list",
      "19:58 health.liveness.headers.A: expected a string, found nothing",
    ],
  );
  assert.deepEqual(issuesOf("secret: { name: a, data: [{ key: a, value: 1 }, { key: a, value: 2 }] }\n"), [
    '1:56 data[1].key: duplicate key "a"',
  ]);
});

Deno.test("parseCastfile() refuses what a service names twice, limits that no container can have, and headers that none can send", () => {
  const issues = (fields: string) => issuesOf(`service: { name: a, image: b, ${fields} }`);
  const ports = issues("ports: [{ port: 80 }, { port: 80, protocol: udp }, { port: 80 }]");
  assert.match(ports.join(), /^[^,]*ports\[2\]\.port: port 80 \(tcp\) is listed twice$/);
  assert.match(
    issues("dependencies: [{ name: d }, { service: d, optional: true }]")[0]!,
    /"d" is named by another dependency/,
  );
  assert.match(
    issues("resources: { memory: { limit: 4Mi } }")[0]!,
    /at least 6Mi for a container, found 4Mi/,
  );
  assert.match(issues("resources: { cpu: { limit: 1m } }")[0]!, /at least 10m for a container, found 1m/);
  const header = (line: string) =>
    issues(`health: { liveness: { type: http, port: 1, headers: { ${line} } } }`);
  assert.deepEqual(header("X-Check: 1, Authorization: Bearer a"), []);
  assert.match(header('"X Check": 1')[0]!, /headers\.X Check: no header can have/);
  assert.match(header('A: "a\\nb"')[0]!, /headers\.A: no header can have/);
  assert.match(issues('env: { A: "a\\0b" }')[0]!, /cannot hold the character NUL/);
});

Deno.test("parseCastfile() refuses a text for a number or boolean, and says how to write it", () => {
  const issue = (fields: string) => {
    const { message, hint } = onlyIssue(`service: { name: a, image: b, ${fields} }\n`);
    return `${message} (${hint})`;
  };
  assert.equal(issue('scale: "3"'), 'expected a number, found "3" (write 3 without quotes)');
  assert.equal(
    issue("resources: { memory: 64Mi }"),
    'expected a map, found "64Mi" (write { request: 64Mi } or { limit: 64Mi })',
  );
  assert.equal(issue("expose: 8080"), "expected a map, found 8080 (write { port: 8080 })");
  assert.equal(issue('expose: "a b"'), 'expected a map, found "a b" (undefined)');
  assert.equal(issue("scale: 1_000"), 'expected a number, found "1_000" (undefined)');
  assert.equal(
    issue("securityContext: { readOnlyRootFilesystem: yes }"),
    'expected true or false, found "yes" (write true, without quotes)',
  );
});
