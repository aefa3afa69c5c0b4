import assert from "node:assert/strict";
import type { CastResult } from "../../model/api.ts";
import { changeLines } from "./field_changes.ts";
import { createPainter } from "../terminal/paint.ts";

const paint = createPainter(false);
const result = (more: Partial<CastResult>): CastResult => ({
  kind: "service",
  namespace: "default",
  name: "web",
  action: "configured",
  generation: 2,
  changes: [],
  ...more,
});

Deno.test("changeLines() shows each changed, added or removed field", () => {
  const changes = [
    { path: "image", from: "web:1", to: "web:2" },
    { path: "env.MODE", to: "fast one" },
    { path: "volumes[1]", from: { name: "tmp", readOnly: false } },
  ];
  assert.deepEqual(changeLines(result({ changes }), { paint }), [
    "service default/web would be configured",
    "  ~ image: web:1 → web:2",
    '  + env.MODE: "fast one"',
    "  - volumes[1].name: tmp",
    "  - volumes[1].readOnly: false",
  ]);
});

Deno.test("changeLines() shows a new resource as it was declared", () => {
  const body = { name: "web", namespace: "default", image: "web:1", ports: [{ port: 80 }] };
  assert.deepEqual(changeLines(result({ action: "created" }), { paint, body }), [
    "service default/web would be created",
    "  + image: web:1",
    "  + ports[0].port: 80",
  ]);
});

Deno.test("changeLines() omits unchanged resources", () => {
  assert.deepEqual(changeLines(result({ action: "unchanged" }), { paint }), []);
});
