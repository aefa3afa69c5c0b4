import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { parseRunefile } from "./runefile.ts";

const env = (name: string) => ({ PORT: "9000", YES: "true" } as Record<string, string>)[name];
const parse = (text: string, file = "runefile.yaml") => parseRunefile(text, { file, env });

function refusal(text: string, file?: string): RuneError {
  try {
    parse(text, file);
  } catch (error) {
    assert.ok(error instanceof RuneError);
    assert.equal(error.code, "invalid_argument");
    return error;
  }
  assert.fail("it was accepted");
}

Deno.test("parseRunefile() accepts YAML, TOML and an empty file", () => {
  const yaml = parse('server:\n  grpc-addr: ":7863"\n  http-addr: ":7861"\n');
  assert.deepEqual([yaml.server.grpcAddr, yaml.server.httpAddr], [":7863", ":7861"]);
  const toml = parse(
    '[storage]\nhostPathAllowlist = ["/mnt/rune"]\nallowCreateMissing = false\n',
    "runefile.toml",
  );
  assert.deepEqual(toml.storage, { hostPathAllowlist: ["/mnt/rune"], allowCreateMissing: false });
  assert.deepEqual(parse("").server, {});
});

Deno.test("parseRunefile() accepts keys in three spellings, and does not change user-defined keys", () => {
  for (const key of ["local-volume-root", "local_volume_root", "localVolumeRoot"]) {
    assert.equal(parse(`storage: { ${key}: /v }`).storage.localVolumeRoot, "/v");
  }
  assert.equal(parse("data-dir: /d").dataDir, "/d");
  const { node } = parse('node: { labels: { "rune.io/node-role": edge, my_key: 1 } }');
  assert.deepEqual(node.labels, { "rune.io/node-role": "edge", my_key: "1" });
  assert.match(refusal("storage: { allow-create-missing: true, allowCreateMissing: true }").message, /twice/);
});

Deno.test("parseRunefile() expands variables in values, never into syntax", () => {
  assert.equal(parse('server: { http-addr: "127.0.0.1:${PORT}" }').server.httpAddr, "127.0.0.1:9000");
  assert.equal(parse('storage: { preserveOnDelete: "${YES}" }').storage.preserveOnDelete, true);
  assert.equal(parse('node: { name: "a$$b$c" }').node.name, "a$b$c");
  const missing = refusal('server:\n  http-addr: "${NOPE}:1"\n');
  assert.match(missing.message, /runefile.yaml:2:3: server\.http-addr: the environment has no variable NOPE/);
});

Deno.test("parseRunefile() takes a name of an installation that fits into the names of a provider", () => {
  assert.equal(parse("node: { installation: shop-1.example }").node.installation, "shop-1.example");
  for (const name of ['""', '"two words"', "a/b"]) {
    assert.match(
      refusal(`node: { installation: ${name} }`).message,
      /node\.installation: expected letters, digits, '\.', '_' and '-'/,
    );
  }
});

/** Files that are refused, with the position and the message of their first issue. */
const REFUSALS: [text: string, place: string, message: RegExp, hint?: RegExp][] = [
  ["server:\n  htp-addr: x\n", ":2:3", /unknown field "htpAddr"/, /did you mean "httpAddr"/],
  ["sever: {}\n", ":1:1", /unknown field "sever"/, /did you mean "server"/],
  ["auth: { enable: false }\n", ":1:9", /unknown field "enable"/, /did you mean "enabled"/],
  ["auth: { tls: { cert: /c.pem } }\n", ":1:9", /expected a string/],
  ["crypto: { kek: { source: file } }\n", ":1:11", /required with source: file/],
  ["crypto: { kek: { file: /k } }\n", ":1:18", /requires source: file/],
  [
    "docker:\n  registries:\n    - { match: ghcr.io }\n",
    ":2:3",
    /expected either username and password, or token/,
  ],
  ["docker:\n  registries:\n    - { match: 'https://x', token: a }\n", ":2:3", /is not a registry such as/],
  ["backup: { every: 1d }\n", ":1:1", /required with every: a directory on another disk/],
  ["backup: { every: 30s, dir: /b }\n", ":1:11", /expected at least 1m, found 30s/],
  ["backup: { every: 1d, dir: b }\n", ":1:22", /absolute path/],
  ["backup: { every: 1d, dir: /b, keep: 0 }\n", ":1:31", /at least 1/],
  ["backup: { every: 1d, dir: /b, keep: 1001 }\n", ":1:31", /at most 1000/],
  ["backup: { every: 1d, dir: /b, with-volumes: [data] }\n", ":1:31", /expected <namespace>\/<name>/],
  ["backup: { dir: /b }\n", ":1:11", /requires every/],
  ["backup: { evry: 1d }\n", ":1:11", /unknown field "evry"/, /did you mean "every"/],
  ["server: { http-addr: 7861 }\n", ":1:11", /"7861" is not a listen address/],
  ["server: { http-addr: localhost }\n", ":1:11", /not a listen address/],
  ["server: { log-level: loud }\n", ":1:11", /expected one of debug, info, warn, error/],
  ["storage: { localVolumeRoot: data }\n", ":1:12", /absolute path/],
  ["storage: { trashRetention: 5 parsecs }\n", ":1:12", /expected a duration/],
  ["storage: { allowCreateMissing: maybe }\n", ":1:12", /expected true or false/],
  ["server: { a: [}\n", ":1:15", /./],
  ["- a\n", "", /expected a map/],
];

Deno.test("parseRunefile() refuses what it does not know or support, with its position", () => {
  for (const [text, place, message, hint] of REFUSALS) {
    const error = refusal(text);
    assert.ok(error.message.startsWith(`runefile.yaml${place}: `), `${text}: ${error.message}`);
    const issue = error.issues!.find((i) => message.test(i.message));
    assert.ok(issue, `${text}: ${error.message}`);
    if (hint) assert.match(issue.hint!, hint);
    assert.ok(error.hint);
  }
  assert.match(refusal("[server\n", "r.toml").message, /^r\.toml:1:\d+: /);
});

Deno.test("parseRunefile() refuses invalid ports and e-mail addresses", () => {
  assert.match(refusal("expose:\n  httpPort: 70000\n").message, /^runefile\.yaml:2:3: expose\.httpPort: /);
  assert.match(refusal("expose: { acmeEmail: me }").message, /expose\.acmeEmail: expected an e-mail address/);
  assert.match(refusal("expose: { htpPort: 80 }").hint!, /did you mean "httpPort"/);
});

Deno.test("parseRunefile() refuses __proto__ anywhere, with its position, and keeps constructor", () => {
  const env = () => undefined;
  for (
    const [file, text] of [["r.yaml", "node:\n  labels:\n    __proto__: x\n"], [
      "r.toml",
      "[node.labels]\n__proto__ = 'x'\n",
    ], ["r.yaml", "__proto__: { auth: { enabled: false } }\n"]]
  ) {
    assert.throws(() => parseRunefile(text!, { file: file!, env }), /"__proto__" cannot be a name/, text);
  }
  const kept = parseRunefile("node: { labels: { constructor: x } }", { file: "r.yaml", env });
  assert.deepEqual(Object.entries(kept.node.labels), [["constructor", "x"]]);
});
