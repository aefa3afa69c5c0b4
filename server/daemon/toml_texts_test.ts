import assert from "node:assert/strict";
import { parseRunefile } from "./runefile.ts";
import { parseTomlTexts } from "./toml_texts.ts";

const runefile = (text: string, file: string) => parseRunefile(text, { file, env: () => undefined });

Deno.test("parseTomlTexts() puts only bare values into quotes", () => {
  const text = `# a = [1, "x
bare-key = 1_000 # = 2
1.10 = 1.10
"quoted = [" = "x = 1, # no"
'literal # =' = 'y = 1'
dates = [1979-05-27 07:32:00Z, 2026-01-01, 07:32:00,
  true, # one = 1
  -inf, { a = +1.50, b.c = [0x1F], d = "]" }]
multi = """
a = 1
\\"""" # "
also = '''
b = 2'''
[table.1]
a = { b = 1, c = { d = 0b11 } }
[[list]]
x = 1e3
[[list]]
`;
  // The parser's objects have no prototype.
  assert.deepEqual(structuredClone(parseTomlTexts(text)), {
    "bare-key": "1_000",
    "1": { "10": "1.10" },
    "quoted = [": "x = 1, # no",
    "literal # =": "y = 1",
    dates: ["1979-05-27 07:32:00Z", "2026-01-01", "07:32:00", "true", "-inf", {
      a: "+1.50",
      b: { c: ["0x1F"] },
      d: "]",
    }],
    multi: 'a = 1\n"',
    also: "b = 2",
    table: { "1": { a: { b: "1", c: { d: "0b11" } } } },
    list: [{ x: "1e3" }, {}],
  });
});

Deno.test("parseRunefile() keeps the original text of text fields, in YAML and TOML", () => {
  const texts = ["1.10", "0x1F", "90071992547409931", "5.308e64", "true", "2026-01-01", "1_000"];
  for (const text of texts) {
    const yaml = `node: { labels: { a: ${text} } }
docker: { registries: [{ match: ghcr.io, username: ${text}, password: ${text} }] }
`;
    const toml = `[node.labels]
a = ${text}
[[docker.registries]]
match = "ghcr.io"
username = ${text}
password = ${text}
`;
    for (const read of [runefile(yaml, "runefile.yaml"), runefile(toml, "runefile.toml")]) {
      assert.deepEqual({ ...read.node.labels }, { a: text });
      const [registry] = read.docker.registries;
      assert.deepEqual([registry!.username, registry!.password], [text, text]);
    }
  }
  const leading = runefile(
    "docker: { registries: [{ match: ghcr.io, username: 007, password: 0427 }] }",
    "r.yaml",
  );
  assert.equal(leading.docker.registries[0]!.password, "0427");
  const merged = runefile(
    "node: { labels: &l { a: 1.0 } }\ngrants: { '*': &g { users: [1000] }, shop: { <<: *g } }",
    "r",
  );
  assert.deepEqual(merged.grants.shop!.users, ["1000"]);
});
