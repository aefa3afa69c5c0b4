import assert from "node:assert/strict";
import { parseServer, resolveContext } from "./contexts.ts";
import { UsageError } from "./exit_codes.ts";

const none = () => undefined;

Deno.test("parseServer() takes addresses as people write them", () => {
  const cases: [string, string][] = [
    ["http://127.0.0.1:7861", "http://127.0.0.1:7861"],
    ["https://rune.example.com/", "https://rune.example.com"],
    ["localhost:7863", "http://localhost:7863"],
    [":7863", "http://127.0.0.1:7863"],
    ["[::1]:7861", "http://[::1]:7861"],
  ];
  for (const [text, origin] of cases) assert.equal(parseServer(text), origin);
});

Deno.test("parseServer() refuses what is no address", () => {
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
