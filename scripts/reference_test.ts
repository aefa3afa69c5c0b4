import assert from "node:assert/strict";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import type { VolumeRequest } from "../drivers/driver.ts";
import { buildDrivers, type DriverDocs, driverDocs, settleDrivers } from "../drivers/registry.ts";
import { type FieldIssue, RuneError } from "../model/error.ts";
import { listFields } from "../model/field_docs/fields.ts";
import { driverPage } from "./driver_page.ts";
import { findMismatches, kindPage } from "./reference_pages.ts";

const fields = listFields(z.strictObject({ name: z.string(), mode: z.enum(["a", "b"]).default("a") }));

Deno.test("findMismatches() names a field without docs, docs without a field, and a default that is written twice", () => {
  const docs = { name: { means: "Names it.", example: "web" }, mode: { means: "Says how.", example: "b" } };
  assert.deepEqual(findMismatches("volume", fields, docs), []);
  assert.deepEqual(findMismatches("volume", fields, { name: docs.name }), [
    "volume: mode has no row in model/field_docs/",
  ]);
  assert.deepEqual(findMismatches("volume", fields, { ...docs, size: { means: "Gone.", example: "1" } }), [
    "volume: there is no field size",
  ]);
  assert.deepEqual(
    findMismatches("volume", fields, { ...docs, mode: { means: "Says how.", example: "b", default: "a" } }),
    [
      "volume: the schema has the default of mode; omit it from the row",
    ],
  );
});

Deno.test("kindPage() omits columns that no field fills, and shows the runner only for services", () => {
  const docs = {
    name: { means: "Names it.", example: "web" },
    mode: { means: "Says how.", example: "b", unit: "words" },
  };
  const page = kindPage("volume", fields, docs);
  assert.match(page, /^\| field \| type \| default \| unit \| example \| what it does \|$/m);
  const rowOf = (text: string, field: string) =>
    text.split("\n").find((line) => line.startsWith(`| \`${field}\``));
  assert.equal(rowOf(page, "mode"), "| `mode` | `a`, `b` | `a` | words | `mode: b` | Says how. |");
  const row = rowOf(kindPage("service", fields, docs), "name");
  assert.equal(row, "| `name` | text | required |  | both | `name: web` | Names it. |");
});

const DRIVER: DriverDocs = {
  name: "memory",
  means: "A volume is a map.",
  capabilities: {
    accessModes: ["ReadWriteOnce"],
    snapshots: true,
    sources: ["trash"],
    expand: true,
    onlineExpand: false,
    blockDevice: false,
    reclaimDelete: false,
    processMounts: false,
    scope: "daemon",
  },
  parameters: { speed: { means: "Says how fast.", form: "number", default: "`1`", example: "2" } },
  keys: [{
    key: "memoryRoot",
    live: false,
    doc: { means: "Where.", form: "path", default: "none", example: "/m" },
  }],
};

Deno.test("driverPage() shows a driver's capabilities, parameters and keys, and omits empty columns", () => {
  const page = driverPage([DRIVER]);
  assert.match(page, /^## memory\n\nA volume is a map\.$/m);
  assert.match(page, /^\| growing \| while nobody mounts it \|$/m);
  assert.match(page, /^\| parameter \| type \| default \| example \| what it does \|$/m);
  assert.match(page, /^\| `speed` \| number \| `1` \| `speed: 2` \| Says how fast\. \|$/m);
  assert.match(
    page,
    /^\| `storage\.memoryRoot` \| .* \| `memoryRoot: \/m` \| Where\. \| with a restart \|$/m,
  );
});

Deno.test("driverDocs() has an example of each parameter that its driver accepts", () => {
  const { all } = buildDrivers(settleDrivers({}, { dataDir: "/nowhere" }), { dataDir: "/nowhere" });
  for (const { name, parameters } of driverDocs()) {
    const valueOf = (example: string) => parseYaml(example, { schema: "failsafe" }) as string;
    const given = Object.entries(parameters).map(([key, { example }]) => [key, valueOf(example)]);
    const request = {
      namespace: "default",
      name: "v",
      parameters: Object.fromEntries(given),
      sizeBytes: 1 << 30,
    };
    const issues = issuesOf(() => all.get(name)!.validate(request as VolumeRequest));
    assert.deepEqual(issues.filter(({ path }) => path[0] !== "hostPath"), [], name);
  }
});

function issuesOf(work: () => void): readonly FieldIssue[] {
  try {
    work();
    return [];
  } catch (error) {
    if (error instanceof RuneError && error.issues) return error.issues;
    throw error;
  }
}
