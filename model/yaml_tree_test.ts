import assert from "node:assert/strict";
import { parseCastfile } from "./castfile.ts";

const parse = (text: string) => parseCastfile(text, { file: "f.yaml", namespace: "default" });

/** The only service of a castfile. */
function serviceOf(text: string) {
  const { resources, issues } = parse(text);
  assert.deepEqual(issues, []);
  const { declared } = resources[0]!;
  assert.ok(declared.kind === "service");
  return declared.spec;
}

/** `line:column path: message` of every issue, with its hint. */
const issuesOf = (text: string) =>
  parse(text).issues.map(({ line, column, path, message, hint }) =>
    `${line}:${column} ${path.join(".")}: ${message}${hint === undefined ? "" : ` (${hint})`}`
  );

Deno.test("a merge key includes one map or several; explicit keys win, then the first map", () => {
  const spec = serviceOf(`x-base: &base
  restart: on-failure
  stopTimeout: 2s
x-env: &env { REGION: north, LEVEL: 1.10 }
x-more: &more { REGION: south, PIN: 0427 }
service:
  stopTimeout: 3s
  <<: *base
  name: merged
  image: a
  env:
    ROLE: web
    <<: [*env, *more, { LAST: 0x1F }]
    LEVEL: mine
`);
  assert.equal(spec.restart, "on-failure");
  assert.equal(spec.stopTimeout, "3s");
  assert.deepEqual({ ...spec.env }, {
    ROLE: "web",
    LEVEL: "mine",
    REGION: "north",
    PIN: "0427",
    LAST: "0x1F",
  });
});

Deno.test("merges work inside merges, lists and whole files, and aliases keep texts as written", () => {
  const spec = serviceOf(`x-a: &a { A: &n 1.10 }
x-b: &b { <<: *a, B: *n }
x-mount: &mount { mountPath: /data, claim: { name: v } }
x-all: &all
  service: { name: s, image: i, args: [*n, &t True, *t], env: { <<: *b }, volumes: [{ <<: *mount, name: d }] }
<<: *all
`);
  assert.deepEqual({ ...spec.env }, { A: "1.10", B: "1.10" });
  assert.deepEqual(spec.args, ["1.10", "True", "True"]);
  assert.equal(spec.volumes[0]!.mountPath, "/data");
});

Deno.test("a mistake in a merged map is reported at its position in the anchor", () => {
  const text = `x-base: &base
  restart: sometimes
  imgae: a
x-env: &env
  REGION: [north]
  NOTHING:
service:
  <<: *base
  name: merged
  image: a
  env:
    <<: *env
`;
  assert.deepEqual(issuesOf(text), [
    "5:3 env.REGION: expected a string, found a list (write one text; put it in quotes where it begins with [ or {)",
    '6:3 env.NOTHING: expected a string, found nothing (write "" for an empty one, or leave it out)',
    '2:12 restart: expected one of always, on-failure, never, found "sometimes"',
    '3:3 imgae: unknown field "imgae" (did you mean "image"?)',
  ]);
});

Deno.test("empty merge keys, aliases of nothing or of themselves, and tags are refused at their position", () => {
  const table: [text: string, issue: RegExp][] = [
    ["service:\n  <<: base\n", /^2:3 : << takes a map, or a list of maps \(write <<: \*name/],
    ["service:\n  <<:\n", /^2:3 : << takes a map/],
    ["x-a: &a [1]\nservice:\n  <<: *a\n", /^3:3 : << takes a map/],
    [
      "x-a: &a { b: c }\nservice:\n  <<: *a\n  <<: *a\n",
      /^4:3 : Map keys must be unique \(merge several in one line/,
    ],
    ["service:\n  <<: *later\nx-a: &later {}\n", /^2:7 : nothing before \*later is marked &later/],
    ["x-a: &a {}\n---\nservice: *a\n", /^3:10 : nothing before \*a .*same document/],
    ["service: &a\n  env: *a\n", /^2:3 : this contains an alias of itself/],
    ["service: &a\n  <<: *a\n", /^2:3 : this contains an alias of itself/],
    ["service:\n  image: !Ref a\n", /^2:15 : the tag !Ref is not supported/],
    ["service:\n  image: !!binary aGk=\n", /^2:19 : the tag .*binary is not supported/],
    [
      "service:\n  env: { A: {{ secret:db/password }} }\n",
      /a key must be a text \(.*"\{\{ secret:db\/password \}\}"/,
    ],
    ["service: { env: { 1: a, '1': b } }\n", /Map keys must be unique/],
    ["service: { '<<': { a: b } }\n", /unknown field "<<"/],
  ];
  for (const [text, issue] of table) {
    assert.ok(issuesOf(text).some((found) => issue.test(found)), `${text}: ${issuesOf(text)}`);
  }
});

Deno.test("keys are texts as written, even if YAML reads them as something else", () => {
  const { resources, issues } = parse(
    "configmap:\n  name: a\n  data: { on: 1, yes: 2, 1: 3, 1.10: 4, 0x1F: 5, True: 6, null: 7 }\n",
  );
  assert.deepEqual(issues, []);
  const { spec } = resources[0]!.declared as { spec: { data: Record<string, string> } };
  assert.deepEqual({ ...spec.data }, {
    on: "1",
    yes: "2",
    1: "3",
    "1.10": "4",
    "0x1F": "5",
    True: "6",
    null: "7",
  });
});

Deno.test("aliases and merges that expand to too much are refused, however they are nested", () => {
  const bomb = (line: (i: number) => string) => {
    let text = "x-b0: &a0 { a0: x }\n";
    for (let i = 1; i < 40; i++) text += `x-b${i}: &a${i} ${line(i)}\n`;
    return `${text}service: { name: a, image: b, env: *a39 }\n`;
  };
  const ten = (i: number) => Array(10).fill(`*a${i - 1}`).join(", ");
  assert.match(issuesOf(bomb((i) => `[${ten(i)}]`))[0]!, /aliases stand for more than/);
  assert.match(issuesOf(bomb((i) => `{ a: *a${i - 1}, b: *a${i - 1} }`))[0]!, /aliases stand for more than/);
  const big = `x-a: &a { ${Array.from({ length: 5_000 }, (_, i) => `k${i}: v`).join(", ")} }\n`;
  const merges = `service: { <<: [${Array(1_000).fill("*a").join(", ")}] }\n`;
  assert.match(issuesOf(big + merges)[0]!, /aliases stand for more than/);
  const long = `x-a: &a "${"x".repeat(1_000_000)}"\nservice: { name: a, image: b, args: [${
    Array(1_000).fill("*a")
  }] }\n`;
  assert.match(issuesOf(long)[0]!, /aliases stand for more than/);
});
