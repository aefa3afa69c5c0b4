import assert from "node:assert/strict";
import { parseServer, resolveContext } from "./contexts.ts";
import { UsageError } from "../terminal/exit_codes.ts";

const none = () => undefined;

Deno.test("parseServer() accepts addresses as people write them", () => {
  const cases: [string, string][] = [
    ["http://127.0.0.1:7861", "http://127.0.0.1:7861"],
    ["https://rune.example.com/", "https://rune.example.com"],
    ["localhost:7863", "http://localhost:7863"],
    [":7863", "http://127.0.0.1:7863"],
    ["[::1]:7861", "http://[::1]:7861"],
  ];
  for (const [text, origin] of cases) assert.equal(parseServer(text), origin);
});

Deno.test("parseServer() refuses texts that are not addresses", () => {
  for (const text of ["", "ftp://x", "http://", "two words"]) {
    assert.throws(() => parseServer(text), UsageError, text);
  }
});

Deno.test("resolveContext() prefers flags to the environment to the defaults", () => {
  const env = (name: string) => ({ RUNE_SERVER: "http://a:1", RUNE_NAMESPACE: "prod" })[name];
  assert.deepEqual(resolveContext({}, none), {
    server: "http://127.0.0.1:7861",
    namespace: "default",
    namespaceGiven: false,
  });
  assert.deepEqual(resolveContext({}, env), {
    server: "http://a:1",
    namespace: "prod",
    namespaceGiven: true,
  });
  assert.deepEqual(resolveContext({ server: "b:2", namespace: "dev" }, env), {
    server: "http://b:2",
    namespace: "dev",
    namespaceGiven: true,
  });
});

Deno.test("resolveContext() refuses a namespace that would change the path", () => {
  for (const namespace of ["", "../x", "a/b", "A", "-a"]) {
    assert.throws(() => resolveContext({ namespace }, none), UsageError, namespace);
  }
});

Deno.test("rune context list and view show the file, whatever RUNE_CONTEXT says", async () => {
  const { runCli } = await import("../main.ts");
  const { fakeTerminal } = await import("../terminal_fixture.ts");
  const config = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(
      config,
      "current: a\ncontexts: { a: { server: 'http://a:1' }, b: { server: 'http://b:1' } }\n",
    );
    const run = async (words: string[], context: string) => {
      const terminal = fakeTerminal({ env: { RUNE_CONFIG: config, RUNE_CONTEXT: context } });
      const code = await runCli(words, { terminal, serve: () => Promise.resolve() });
      return { code, stdout: terminal.stdout(), stderr: terminal.stderr() };
    };
    assert.match((await run(["context", "list"], "b")).stdout, /^\* +b /m);
    assert.match((await run(["context", "view"], "b")).stdout, /^name: b\ncurrent: true\n/);
    assert.match((await run(["context", "list"], "gone")).stdout, / a .*\n.* b /);
    assert.match((await run(["context", "view"], "gone")).stderr, /^error: there is no context "gone" in /);
  } finally {
    await Deno.remove(config);
  }
});
