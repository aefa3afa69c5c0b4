import assert from "node:assert/strict";
import { claim, okJson, service, type TestServer, volume, withServer } from "./server_fixture.ts";

type Set = Parameters<TestServer["cast"]>[0];

/** A resource that refers to something missing, the warning, and what fixes it. */
const CASES: [what: string, set: Set, warning: RegExp, missing: Set[number]][] = [
  [
    "a volume",
    [service("a", { volumes: [claim("v")] })],
    /service default\/a waits: volume default\/v does not/,
    volume("v"),
  ],
  [
    "a volume of another namespace",
    [service("a", { volumes: [claim("v.n.rune")] })],
    /volume n\/v does not exist; cast it/,
    volume("v", { namespace: "n" }),
  ],
  [
    "a dependency",
    [service("a", { dependencies: [{ name: "db", namespace: "n" }] })],
    /service n\/db does not exist/,
    service("db", { namespace: "n" }),
  ],
  [
    "a secret that is mounted",
    [service("a", { secretMounts: [{ name: "s", secretName: "s", mountPath: "/s" }] })],
    /secret default\/s does not exist/,
    ["secret", { name: "s", data: { a: "b" } }],
  ],
  [
    "a secret in a variable",
    [service("a", { env: { A: "{{ secret:s/a }}" } })],
    /secret default\/s does not exist/,
    ["secret", { name: "s", data: { a: "b" } }],
  ],
  [
    "a configmap",
    [service("a", { envFrom: [{ configName: "c" }] })],
    /configmap default\/c does not exist/,
    ["configmap", { name: "c", data: { a: "b" } }],
  ],
  [
    "a key of a configmap that is there",
    [
      ["configmap", { name: "c", data: { a: "b" } }],
      service("a", {
        configMounts: [{ configName: "c", mountPath: "/c", items: [{ key: "x", path: "x" }] }],
      }),
    ],
    /configmap default\/c has no key "x" \(it has: a\)/,
    ["configmap", { name: "c", data: { x: "b" } }],
  ],
];

for (const [what, set, warning, missing] of CASES) {
  Deno.test(`a cast warns of ${what} that does not exist, in a dry run too, and not once it exists`, () =>
    withServer(async ({ cast }) => {
      for (const dryRun of [true, false]) {
        const { warnings } = await okJson(cast(set, { dryRun }));
        assert.equal(warnings?.length, 1, JSON.stringify(warnings));
        assert.match(warnings[0], warning);
      }
      const rest = set.filter(([kind, body]) => kind !== missing[0] || body.name !== missing[1].name);
      // In the same set, in any order, and against stored resources.
      for (const whole of [[...rest, missing], [missing, ...rest], rest]) {
        assert.equal((await okJson(cast(whole))).warnings, undefined);
      }
    }));
}

Deno.test("a cast does not warn of optional resources, of its own template, and for stopped services", () =>
  withServer(async ({ cast }) => {
    const quiet: Set = [
      service("a", { dependencies: [{ name: "db", optional: true }] }),
      service("b", { scale: 0, volumes: [claim("v")], env: { A: "{{ secret:s/a }}" } }),
    ];
    assert.equal((await okJson(cast(quiet))).warnings, undefined);
  }));
