import assert from "node:assert/strict";
import { parseCastfile } from "./castfile.ts";
import { checkSet } from "./checks.ts";
import { findTooLarge } from "./environment_size.ts";
import { LIMITS, MAX_ENVIRONMENT } from "./limits.ts";

/** Whether this Linux starts a program with these words and variables. */
async function starts(words: string[], env: Record<string, string>): Promise<boolean> {
  try {
    const [program, ...args] = words;
    return (await new Deno.Command(program!, { args, env, clearEnv: true, stdout: "null" }).output()).success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "findTooLarge() refuses what this Linux refuses to start, to the byte for one variable and one word",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const most = LIMITS.argument - 1;
    const table: [words: string[], env: Record<string, string>][] = [
      [["/bin/true"], { A: "x".repeat(most - 2) }],
      [["/bin/true"], { A: "x".repeat(most - 1) }],
      [["/bin/true"], { A: "é".repeat(most / 2) }],
      [["/bin/true", "x".repeat(most)], {}],
      [["/bin/true", "x".repeat(most + 1)], {}],
    ];
    const fits = table.map(([words, env]) => findTooLarge({ words, env }).length === 0);
    assert.deepEqual(fits, [true, false, false, true, false]);
    for (const [i, [words, env]] of table.entries()) assert.equal(await starts(words, env), fits[i], `${i}`);
    const makeMany = (n: number) =>
      Object.fromEntries(Array.from({ length: n }, (_, i) => [`V${i}`, "x".repeat(100_000)]));
    assert.equal(findTooLarge({ words: ["/bin/true"], env: makeMany(20) }).length, 0);
    assert.equal(await starts(["/bin/true"], makeMany(20)), true);
    assert.match(findTooLarge({ words: ["/bin/true"], env: makeMany(21) })[0]!.message, /together/);
    assert.equal(await starts(["/bin/true"], makeMany(22)), false);
    assert.ok(MAX_ENVIRONMENT < 2 * 1024 * 1024);
  },
});

/** The issues of a set. */
const issuesOf = (text: string) => {
  const { resources, issues } = parseCastfile(text, { file: "f", namespace: "default" });
  assert.deepEqual(issues, []);
  return checkSet(resources.map(({ declared }) => declared)).map(({ path, message }) =>
    `${path.join(".")}: ${message}`
  );
};
const long = "x".repeat(131_070);

Deno.test("a variable or word beyond the kernel's limit is reported at its own field, also one of a configmap or step", () => {
  assert.deepEqual(issuesOf(`service: { name: a, image: b, env: { A: "${long}" } }`), [
    "env.A: the variable A has 131072 bytes, and Linux passes on at most 131071",
  ]);
  assert.deepEqual(issuesOf(`service: { name: a, process: { command: /bin/x, args: [a, "${long}xx"] } }`), [
    "process.args.1: word 3 of the command has 131072 bytes, and Linux passes on at most 131071",
  ]);
  assert.deepEqual(
    issuesOf(
      `configmap: { name: c, data: { OK: "1", BIG: "${long}", "no.name": "${long}" } }
service: { name: a, image: b, envFrom: [{ configName: c, prefix: P_ }] }`,
    ),
    ["envFrom.0: the variable P_BIG has 131076 bytes, and Linux passes on at most 131071"],
  );
  assert.deepEqual(
    issuesOf(`configmap: { name: c, data: { BIG: "${long}" } }
service: { name: a, image: b, envFrom: [{ configName: c }], env: { BIG: small } }`),
    [],
    "what is overridden is not passed on",
  );
  assert.deepEqual(
    issuesOf(
      `service: { name: a, image: b, initSteps: [{ name: s, command: [a, b], env: { A: "${long}" } }] }`,
    ),
    ["initSteps.0.env.A: the variable A has 131072 bytes, and Linux passes on at most 131071"],
  );
});

Deno.test("variables that are too large in total are reported, once for the service", () => {
  const env = Array.from({ length: 21 }, (_, i) => `V${i}: "${"x".repeat(100_000)}"`).join(", ");
  const [issue, ...others] = issuesOf(
    `service: { name: a, image: b, env: { ${env} } }`,
  );
  assert.match(issue!, /^: its variables and the words of its command have \d+ bytes together/);
  assert.deepEqual(others, []);
});
