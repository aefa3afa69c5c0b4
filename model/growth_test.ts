/**
 * Tests that everything that reads a caller's input takes linear time: eight times the input, eight times the
 * time.
 * @module
 */
import assert from "node:assert/strict";
import { parseCastfile } from "./castfile.ts";
import { checkSet } from "./checks.ts";
import { type Declared, parseDeclared } from "./declared.ts";
import { measureGrowth } from "./growth_fixture.ts";
import { isName, parseNameRef } from "./name.ts";
import { parseBytes, parseMilliCpu } from "./quantity.ts";
import { parseDuration } from "./duration.ts";
import { parseAccountId } from "./security.ts";
import { envRefs, parseParameterRef, replaceEnvRefs } from "./secret.ts";
import { parseFieldSelector, parseLabelSelector } from "./selector.ts";
import { serviceSpecSchema } from "./service.ts";
import { didYouMean } from "./suggest.ts";

const ignoreErrors = <T>(read: (text: string) => T) => (text: string) => {
  try {
    read(text);
  } catch {
    // Refused; only the time matters here.
  }
};

const service = (fields: Record<string, unknown>) => ({ name: "a", image: "b", ...fields });
const declare = (fields: Record<string, unknown>) =>
  parseDeclared("service", service(fields), { namespace: "default" });

/** Everything that reads a single text, by name. */
const READERS: Record<string, (text: string) => unknown> = {
  "label selector": parseLabelSelector,
  "field selector": parseFieldSelector,
  "references in env": (text) => envRefs(text, "default"),
  "replacing references": (text) => replaceEnvRefs(text, "default", () => "x"),
  "parameter reference": (text) => parseParameterRef(`secret:${text}`, "default"),
  "name": (text) => isName(text) || parseNameRef(text, "default"),
  "size": parseBytes,
  "cpu": parseMilliCpu,
  "duration": parseDuration,
  "account": parseAccountId,
  "did you mean": (text) => didYouMean(text, ["mountPath", "readOnly", "subPath"]),
  "every text of a service": (text) =>
    declare({
      image: text,
      command: text,
      args: [text],
      env: { A: text, [text]: "x" },
      labels: { a: text, [text]: "x" },
      envFrom: [{ configName: text, prefix: text }],
      ports: [{ name: text, port: 1 }],
      health: { liveness: { type: "http", port: text, path: `/${text}`, headers: { [text]: text } } },
      dependencies: [{ name: text }],
      secretMounts: [{
        secretName: text,
        mountPath: `/${text}`,
        items: [{ key: text, path: text }],
        mode: text,
      }],
      volumes: [{ name: text, mountPath: `/${text}`, subPath: text, claim: { name: text } }],
      expose: { port: text, host: text },
      stopTimeout: text,
      securityContext: { user: text, capAdd: [text], seccompProfile: text },
      initSteps: [{ name: text, command: text, runIf: { fileMissing: `/${text}` } }],
    }),
  "a castfile": (text) => parseCastfile(text, { file: "f", namespace: "default" }),
  "a text in a castfile": (text) =>
    parseCastfile(`service: { name: a, image: ${JSON.stringify(text)} }`, {
      file: "f",
      namespace: "default",
    }),
};

/** The building blocks of hostile texts. */
const UNITS = [
  " ",
  "\n",
  ",",
  "(",
  ")",
  "{",
  "}",
  "{{",
  "{{secret:",
  "{{secret:a/b}}",
  "a",
  "A",
  "1",
  "0.",
  "1s",
  ".",
  "/",
  "-",
  "=",
  "!",
  ":",
  "a,",
  "a=b,",
  "a in (b),",
  "[",
  "- ",
  "&",
  "*",
  "#",
  '"',
  "\\",
  "a: ",
  "? ",
  "| ",
  "\ta",
]; // deno-fmt-ignore
const BEFORE = ["", "{{secret:", "a in ("];
const AFTER = ["", "x", ")"];

Deno.test("readers of texts take linear time on any input", async () => {
  const slow: string[] = [];
  for (const [name, read] of Object.entries(READERS)) {
    const yaml = name.includes("castfile");
    for (const unit of UNITS) {
      for (const before of yaml ? BEFORE.slice(0, 2) : BEFORE) {
        for (const after of yaml ? AFTER.slice(0, 2) : AFTER) {
          const make = (n: number) => before + unit.repeat(n) + after;
          const growth = await measureGrowth({ make, run: ignoreErrors(read), most: yaml ? 4_000 : 40_000 });
          if (growth !== undefined) {
            slow.push(`${name} of ${JSON.stringify([before, unit, after])}: ${growth}`);
          }
        }
      }
    }
  }
  assert.deepEqual(slow, []);
});

const range = <T>(n: number, make: (i: number) => T) => Array.from({ length: n }, (_, i) => make(i));
/** Fields of a service with `n` entries. */
const FIELDS: Record<string, (n: number) => Record<string, unknown>> = {
  volumes: (n) => ({
    volumes: range(n, (i) => ({ name: `v${i}`, mountPath: `/m${i}`, claim: { name: "c" } })),
  }),
  "nested mounts": (n) => ({
    configMounts: range(n, (i) => ({ mountPath: `/m${"/x".repeat(i % 50)}`, configName: "c" })),
  }),
  "equal volumes": (n) => ({
    volumes: range(n, () => ({ name: "v", mountPath: "/m", claim: { name: "c" } })),
  }),
  ports: (n) => ({ ports: range(n, (i) => ({ name: `p${i}`, port: 1 + i % 60_000 })) }),
  "equal ports": (n) => ({ ports: range(n, () => ({ name: "p", port: 1 })) }),
  "init steps": (n) => ({
    volumes: range(n, (i) => ({ name: `v${i}`, mountPath: `/m${i}`, claim: { name: "c" } })),
    initSteps: range(n, (i) => ({ name: `s${i}`, command: "x", runIf: { fileMissing: "/none" } })),
  }),
  items: (n) => ({
    configMounts: [{
      mountPath: "/m",
      configName: "c",
      items: range(n, (i) => ({ key: "k", path: `${"d/".repeat(i % 50)}p${i}` })),
    }],
  }),
  env: (n) => ({ env: Object.fromEntries(range(n, (i) => [`A${i}`, "{{secret:a/b}}"])) }),
  "unknown fields": (n) => Object.fromEntries(range(n, (i) => [`volume${i}`, 1])),
  dependencies: (n) => ({ dependencies: range(n, (i) => ({ name: `d${i}` })) }),
};

Deno.test("fields with many entries take linear time, cast or stored", async () => {
  const slow: string[] = [];
  for (const [name, fields] of Object.entries(FIELDS)) {
    const cast = await measureGrowth({ make: fields, run: declare, most: 8_000 });
    if (cast !== undefined) slow.push(`${name}, cast: ${cast}`);
    // Every start upgrades what was stored before there were bounds.
    const stored = await measureGrowth({
      make: fields,
      run: (spec) => serviceSpecSchema.safeParse({ image: "b", ...spec }),
      most: 8_000,
    });
    if (stored !== undefined) slow.push(`${name}, stored: ${stored}`);
  }
  assert.deepEqual(slow, []);
});

Deno.test("measureGrowth() finds quadratic time, and lets linear time pass", async () => {
  const make = (n: number) => range(n, (i) => i);
  let sum = 0;
  const addPairs = (list: number[]) => list.forEach((one) => list.forEach((other) => sum += one ^ other));
  assert.match(await measureGrowth({ make, run: addPairs, most: 2_500 }) ?? "nothing", /times as long/);
  const addAll = (list: number[]) => list.forEach((one) => sum += one);
  assert.equal(await measureGrowth({ make: (n) => make(n * 1_000), run: addAll, most: 8_000 }), undefined);
});

const declareService = (name: string, fields: Record<string, unknown>) => {
  const result = parseDeclared("service", { ...service(fields), name }, { namespace: "default" });
  assert.ok("declared" in result);
  return result.declared;
};
/** Sets of `n` services. */
const SETS: Record<string, (n: number) => Declared[]> = {
  "one host name": (n) =>
    range(n, (i) => declareService(`s${i}`, { expose: { port: 80, host: `h${i}.local` } })),
  "stopped, one port": (n) => range(n, (i) => declareService(`s${i}`, { scale: 0, expose: { port: 80 } })),
  "a chain": (n) => range(n, (i) => declareService(`s${i}`, { dependencies: [{ name: `s${i + 1}` }] })),
  "a circle": (n) =>
    range(n, (i) => declareService(`s${i}`, { dependencies: [{ name: `s${(i + 1) % n}` }] })),
  "small circles": (n) => range(n, (i) => declareService(`s${i}`, { dependencies: [{ name: `s${i ^ 1}` }] })),
  "back to the first": (n) =>
    range(n, (i) => declareService(`s${i}`, { dependencies: [{ name: `s${i + 1}` }, { name: "s0" }] })),
};

Deno.test("checkSet() takes linear time", async () => {
  const slow: string[] = [];
  for (const [name, make] of Object.entries(SETS)) {
    const growth = await measureGrowth({ make, run: (set) => checkSet(set), most: 4_000 });
    if (growth !== undefined) slow.push(`${name}: ${growth}`);
  }
  assert.deepEqual(slow, []);
});

/** Castfiles with `n` entries of one sort. */
const CASTFILES: Record<string, (n: number) => string> = {
  keys: (n) => `configmap: { name: a, data: { ${range(n, (i) => `k${i}: v`).join(", ")} } }`,
  "keys of a map that is none": (n) => `service: {\n${range(n, (i) => `  k${i}: v`).join(",\n")}\n}`,
  "one key": (n) => `configmap:\n  name: a\n  data:\n${range(n, () => "    k: v").join("\n")}`,
  aliases: (n) => `x-a: &a b\nservice:\n  name: a\n  image: b\n  args:\n${"    - *a\n".repeat(n)}`,
  anchors: (n) => `service:\n  name: a\n  image: b\n  args:\n${range(n, (i) => `    - &a${i} x\n`).join("")}`,
  "anchors and aliases": (n) =>
    `service:\n  name: a\n  image: b\n  args:\n${range(n, (i) => `    - &a${i} x\n    - *a${i}\n`).join("")}`,
  "aliases of nothing": (n) => `service:\n  args:\n${"    - *z\n".repeat(n)}`,
  merges: (n) => `x-a: &a { b: c }\nservice:\n  name: a\n  image: b\n  env:\n${"    <<: *a\n".repeat(n)}`,
  documents: (n) => range(n, (i) => `configmap: { name: c${i}, data: {} }`).join("\n---\n"),
  "wrong documents": (n) => range(n, () => `service: { nam: a }`).join("\n---\n"),
  "a list of wrong ones": (n) => `services:\n${"  - { nam: a }\n".repeat(n)}`,
  "top level keys": (n) => range(n, (i) => `x-${i}: 1`).join("\n"),
};

Deno.test("parseCastfile() takes linear time", async () => {
  const slow: string[] = [];
  for (const [name, make] of Object.entries(CASTFILES)) {
    const run = (text: string) => parseCastfile(text, { file: "f", namespace: "default" });
    const growth = await measureGrowth({ make, run, most: 4_000 });
    if (growth !== undefined) slow.push(`${name}: ${growth}`);
  }
  assert.deepEqual(slow, []);
});
