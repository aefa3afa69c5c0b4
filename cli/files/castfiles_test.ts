import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { loadCastfiles, locateIssues } from "./castfiles.ts";

const load = (text: string) =>
  loadCastfiles(["-"], {
    namespace: "prod",
    recursive: false,
    stdin: ReadableStream.from([new TextEncoder().encode(text)]),
  });

const places = (error: unknown) =>
  error instanceof RuneError ? error.issues?.map((i) => `${i.file}:${i.line}:${i.column}`) : undefined;

Deno.test("loadCastfiles() puts resources into the namespace of the command line", async () => {
  const { resources, files } = await load("service:\n  name: web\n  image: web:1\n");
  assert.equal(files, 1);
  assert.deepEqual(resources[0]!.body, { name: "web", image: "web:1", namespace: "prod" });
});

Deno.test("loadCastfiles() reports every mistake of every rule, in reading order", async () => {
  const text = `
service:
  name: web
  image: web:1
  scale: 2
  volumes:
    - { name: data, mountPath: /data, claim: { name: data } }
---
storageClass:
  name: cloud
  driver: local
  reclaimPolicy: keep
---
volume:
  name: data
  size: 1Gi
  accessMode: ReadWriteOnce
---
volume:
  name: data
  size: 1Gi
  accessMode: ReadWriteOnce
  colour: red
---
volume:
  name: data
  size: 1Gi
  accessMode: ReadWriteOnce
`;
  await assert.rejects(load(text), (error) => {
    assert.deepEqual(places(error), ["stdin:7:39", "stdin:12:18", "stdin:23:3", "stdin:26:9"]);
    return true;
  });
});

Deno.test("loadCastfiles() refuses sources that declare nothing", async () => {
  await assert.rejects(load("# only a comment\n"), /no resources found/);
});

Deno.test("locateIssues() adds positions in the castfiles to the daemon's issues", async () => {
  const set = await load("volume:\n  name: a\n  size: 1Gi\n  accessMode: ReadWriteOnce\n");
  const refused = new RuneError("conflict", "volume a: size: cannot shrink", {
    issues: [{ resource: 0, path: ["size"], message: "cannot shrink" }],
  });
  const located = locateIssues(refused, set);
  assert.deepEqual(places(located), ["stdin:3:9"]);
  assert.equal((located as RuneError).code, "conflict");
  const other = new RuneError("unavailable", "down");
  assert.equal(locateIssues(other, set), other);
});

Deno.test("loadCastfiles() says that nothing was applied only if the caller was about to apply it", async () => {
  const loadWrong = (applies: boolean) =>
    loadCastfiles(["-"], {
      namespace: "prod",
      recursive: false,
      stdin: ReadableStream.from([new TextEncoder().encode("service: {}\n")]),
      applies,
    });
  await assert.rejects(loadWrong(false), { hint: "fix these mistakes" });
  await assert.rejects(loadWrong(true), { hint: "fix these mistakes; nothing was applied" });
});

Deno.test("loadCastfiles() warns of a secret whose value ends in a newline or contains carriage returns", async () => {
  const { warnings } = await load(`secret:
  name: s
  data:
    fine: pa55
    fine2: |-
      pa55
    key: |
      -----BEGIN
      -----END
    newline: |
      pa55
    crlf: "pa55\\r\\n"
    returns: "a\\r\\nb\\r\\n"
---
configmap: { name: c, data: { a: "b\\n" } }
`);
  assert.deepEqual(warnings.map((warning) => warning.replace(/; write it.*/, "")), [
    'stdin:10:14: secret prod/s: the value of "newline" ends in a newline, which is then part of the secret',
    'stdin:12:11: secret prod/s: the value of "crlf" ends in a newline, which is then part of the secret',
    'stdin:13:14: secret prod/s: the value of "returns" holds carriage returns (\\r), which are then part of the secret',
  ]);
  assert.doesNotMatch(warnings.join(), /pa55/);
});
