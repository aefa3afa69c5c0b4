/**
 * Whatever is sent, the answer is a refusal with a reason, in bounded memory, and the next request is
 * answered.
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCastfile } from "../model/castfile.ts";
import { BODIES } from "./api/fuzz_fixture.ts";
import { okJson, withServer } from "./api/server_fixture.ts";

const ns = "/v1/namespaces/default";

Deno.test("malformed, deep, huge and strange bodies are refused with a 4xx by every route that takes one", () =>
  withServer(async ({ send, store }) => {
    const revision = store.revision;
    for (
      const [method, path] of [["POST", "/v1/cast"], ["PUT", `${ns}/services/a`], [
        "POST",
        `${ns}/secrets`,
      ]] as const
    ) {
      for (const body of BODIES) {
        const answer = await send(method, path, body);
        const text = await answer.text();
        assert.ok(
          answer.status >= 400 && answer.status < 500,
          `${method} ${path} ${body.slice(0, 60)}: ${answer.status} ${text.slice(0, 200)}`,
        );
        assert.ok(text.length < 100_000, `an answer of ${text.length}`);
      }
    }
    assert.equal(store.revision, revision);
    await okJson(send("GET", "/healthz"));
  }));

Deno.test("paths and headers of any form are answered with a 4xx or found, never with a fault", () =>
  withServer(async ({ send }) => {
    const names = [
      "..",
      "%2e%2e",
      "%2e%2e%2f%2e%2e%2fetc",
      "a%00b",
      "%F0%9F%92%A9",
      "A",
      "-a",
      "a".repeat(300),
      "a%2Fb",
      "%",
      "%zz",
    ];
    for (const name of names) {
      for (
        const path of [
          `${ns}/services/${name}`,
          `/v1/namespaces/${name}/services`,
          `/v1/admin/tokens/${name}`,
        ]
      ) {
        for (const method of ["GET", "DELETE", "PUT"]) {
          const answer = await send(method, path, method === "PUT" ? {} : undefined);
          await answer.body?.cancel();
          // `..` is taken out of a URL before it is sent: what remains may exist.
          assert.ok(answer.status < 500, `${method} ${path}: ${answer.status}`);
        }
      }
    }
    for (
      const [name, value] of [
        ["authorization", "x".repeat(10_000)],
        ["if-match", "1e9"],
        ["x-request-id", "é".repeat(10)],
        ["host", "a b"],
        ["last-event-id", "9".repeat(400)],
      ]
    ) {
      const answer = await send("GET", "/v1/services?watch=true", undefined, {
        [name!]: encodeURIComponent(value!),
      });
      await answer.body?.cancel();
      assert.ok(answer.status < 500, `${name}: ${answer.status}`);
    }
    await okJson(send("GET", "/healthz"));
  }));

Deno.test("any JSON at all is answered by POST /v1/cast without a fault", () =>
  withServer(async ({ send }) => {
    const body = fc.record({
      resources: fc.array(
        fc.record({
          kind: fc.constantFrom("service", "secret", "volume", "configmap", "storageClass", "namespace"),
          body: fc.oneof(
            fc.dictionary(
              fc.constantFrom(
                "name",
                "data",
                "image",
                "scale",
                "env",
                "volumes",
                "process",
                "size",
                "labels",
              ),
              fc.jsonValue(),
            ),
            fc.jsonValue(),
          ),
        }),
        { maxLength: 3 },
      ),
      dryRun: fc.constant(true),
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(body, fc.jsonValue()), async (value) => {
        const answer = await send("POST", "/v1/cast", JSON.stringify(value));
        await answer.body?.cancel();
        assert.ok(answer.status < 500, `${answer.status}`);
      }),
      { numRuns: 300 },
    );
  }));

Deno.test("parseCastfile() refuses YAML bombs, deep nesting and cycles without running away", () => {
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 12; i++) {
    const [name, last] = ["abcdefghijkl"[i], "abcdefghijkl"[i - 1]];
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${last}`).join(", ")}]`);
  }
  const texts = [
    bomb.map((line) => `x-${line}`).join("\n"),
    `service: ${"[".repeat(5_000)}${"]".repeat(5_000)}`,
    `service: ${"{a: ".repeat(2_000)}1${"}".repeat(2_000)}`,
    `${"- ".repeat(5_000)}a`,
    "service: &s { name: a, image: b, labels: *s }",
    "service: !!js/function 'x'",
    "\u0000",
    `service: { name: ${"9".repeat(100_000)}, image: b }`,
  ];
  const before = Deno.memoryUsage().heapUsed;
  const began = performance.now();
  for (const text of texts) {
    assert.ok(parseCastfile(text, { file: "f", namespace: "default" }).issues.length > 0, text.slice(0, 60));
  }
  assert.ok(performance.now() - began < 10_000);
  assert.ok(Deno.memoryUsage().heapUsed - before < 300 * 1024 * 1024);
});
