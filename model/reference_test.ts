/**
 * Tests that every text of a declaration is a reference with its right, or is listed here as plain.
 * @module
 */
import assert from "node:assert/strict";
import type { z } from "zod";
import { BODIES } from "./declared.ts";
import { findReaches, partsOf, referenceOf } from "./reference.ts";
import { defOf } from "./schema_parts.ts";

/**
 * Texts that name no other resource, by the end of their path. Before you add a field: does it name something
 * that others may not see? Then use a schema of `reference.ts`.
 */
const PLAIN: [what: string, ends: RegExp][] = [
  ["the resource's own name and place", /^\w+\.(name|namespace)$/],
  ["goes with the reference beside it", /^(service\.dependencies\.\*|volume\.source)\.namespace$/],
  [
    "names that mean something inside of the service alone",
    /^service\.(ports|volumes|initSteps|(config|secret)Mounts)\.\*\.name$/,
  ],
  ["a port of the service, by name", /\.(expose|startup|liveness|readiness)\.port$/],
  ["labels and selectors of nodes", /^\w+\.labels\.|^storageClass\.allowedTopologies\./],
  [
    "data that is kept as it is, and its keys",
    /^(configmap|secret)\.data\.|^secret\.type$|\.items\.\*\.key$/,
  ],
  ["names of variables and parameters", /\.(env|parameters)\.<key>$|\.envFrom\.\*\.prefix$/],
  ["what is executed", /\.(args|command)(\.\*)?$|\.workdir$/],
  ["images, pulled with the registries' credentials (docs/security.md)", /\.image$/],
  ["paths inside of the instance", /\.(mountPath|subPath|items\.\*\.path|runIf\.fileMissing)$/],
  ["a question to the instance itself", /\.(startup|liveness|readiness)\.(path|headers\.(\*|<key>))$/],
  ["an address of this machine: judged by server/admission/ports.ts", /^service\.expose\.hostAddress$/],
  [
    "quantities, durations, modes, signals",
    /\.(size|limit|request|every|timeout|stopTimeout|stopSignal|mode|fsMode)$/,
  ],
  ["a host name, one service's", /^service\.expose\.host$/],
  [
    "of the host: judged by server/auth/host_rights.ts",
    /^service\.securityContext\.(user|group|seccompProfile|cap\w+\.\*)$/,
  ],
  ["a driver of the daemon", /^storageClass\.driver$/],
];

const NO_TEXT = ["number", "boolean", "literal", "enum", "transform", "null", "undefined", "never"];

/** Every text in a schema, by path, and whether it is a reference. */
function textsOf(schema: z.ZodType, path: string): [path: string, reference: boolean][] {
  if (referenceOf(schema)) return [[path, true]];
  const parts = partsOf(schema);
  if (parts.length > 0) {
    return parts.flatMap(({ schema, key }) => textsOf(schema, key === undefined ? path : `${path}.${key}`));
  }
  return NO_TEXT.includes(defOf(schema).type) ? [] : [[path, false]];
}

Deno.test("every text of a declaration is a reference with its right, or is listed as plain", () => {
  const texts = Object.entries(BODIES).flatMap(([kind, schema]) => textsOf(schema, kind));
  const unknown = texts.filter(([path, reference]) =>
    !reference && !PLAIN.some(([, ends]) => ends.test(path))
  );
  assert.deepEqual([...new Set(unknown.map(([path]) => path))], []);
  for (const [what, ends] of PLAIN) {
    assert.ok(
      texts.some(([path, reference]) => !reference && ends.test(path)),
      `nothing is ${what} any more`,
    );
  }
});

Deno.test("findReaches() finds what a value names, in which namespace, and with which right", () => {
  const reaches = (kind: keyof typeof BODIES, body: object) =>
    findReaches(BODIES[kind], BODIES[kind].parse({ name: "x", ...body }), "shop")
      .map(({ kind, verb, namespace }) => `${verb} ${kind} ${namespace}`);
  assert.deepEqual(
    reaches("service", {
      image: "a",
      env: { A: "{{ secret:a/k }} {{ secret:b.prod.rune/k }}", B: "plain", C: "secret:x.far.rune/k" },
      dependencies: [{ name: "db", namespace: "data" }, { service: "db.deep.rune", namespace: "data" }, {
        name: "y",
      }],
      volumes: [
        { name: "a", mountPath: "/a", claim: { name: "v.vols.rune" } },
        { name: "b", mountPath: "/b", claim: { name: "v.vols.rune" }, readOnly: true },
      ],
    }),
    [
      "get secret shop",
      "get secret prod",
      "get service data",
      "get service deep",
      "get service shop",
      "update volume vols",
      "get volume vols",
    ],
  );
  const size = { size: "1", accessMode: "ReadWriteOnce" };
  assert.deepEqual(
    reaches("volume", {
      ...size,
      source: { snapshot: "s", namespace: "prod" },
      parameters: { t: "secret:a.far.rune/k" },
    }),
    ["get secret far", "get snapshot prod"],
  );
});
