import assert from "node:assert/strict";
import { parseCastfile } from "./castfile.ts";
import { readVolumeSource } from "./volume_source.ts";

const issuesOf = (source: string) =>
  parseCastfile(`volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce, source: ${source} }\n`, {
    file: "f.yaml",
    namespace: "default",
  }).issues.map(({ path, message, hint }) => [path.join("."), message, hint]);

const MISSING = ["source.snapshot", "required: expected a string", undefined];
const makeUnknownIssue = (field: string, hint = "known here: snapshot, namespace") => [
  `source.${field}`,
  `unknown field "${field}"`,
  hint,
];

Deno.test("a volume's source is a snapshot; any other kind is an unknown field at its path", () => {
  assert.deepEqual(issuesOf("{ snapshot: s }"), []);
  assert.deepEqual(issuesOf("{ snapshot: s, namespace: prod }"), []);
  assert.deepEqual(issuesOf("{ template: t }"), [MISSING, makeUnknownIssue("template")]);
  assert.deepEqual(issuesOf("{ snapshto: s }"), [
    MISSING,
    makeUnknownIssue("snapshto", 'did you mean "snapshot"?'),
  ]);
  assert.deepEqual(issuesOf("{ snapshot: s, volume: w }"), [makeUnknownIssue("volume")]);
  assert.deepEqual(issuesOf("{}"), [MISSING]);
  assert.deepEqual(issuesOf("s"), [["source", 'expected a map, found "s"', "write { snapshot: s }"]]);
});

Deno.test("readVolumeSource() tags a source by its kind", () => {
  assert.deepEqual(readVolumeSource({ spec: { source: { snapshot: "s", namespace: "prod" } } }), {
    from: "snapshot",
    namespace: "prod",
    name: "s",
  });
  assert.equal(readVolumeSource({ spec: {} }), undefined);
});
