/**
 * Checks the documentation of the runefile against its schema, and against the table of live settings.
 * @module
 */
import assert from "node:assert/strict";
import type { z } from "zod";
import { RELOADABLE } from "./reload.ts";
import { runefileSchema } from "./runefile.ts";

/** Every key of the schema, with the keys of sections, but without those of maps with user-defined keys. */
function keysOf(schema: z.ZodType, path = ""): string[] {
  let inner = schema as z.ZodType & { unwrap?: () => z.ZodType; shape?: Record<string, z.ZodType> };
  while (inner.shape === undefined && inner.unwrap) inner = inner.unwrap() as typeof inner;
  if (!inner.shape) return [path];
  return Object.entries(inner.shape).flatMap(([key, value]) =>
    keysOf(value, path === "" ? key : `${path}.${key}`)
  );
}

const page = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));
const rows = [...page.matchAll(/^\| `([a-zA-Z.]+)` +\| (.+?) +\| (.+?) +\| .+? +\| (yes|restart) +\|$/gm)];

Deno.test("docs/operations.md documents exactly the keys of the runefile, with default and unit", () => {
  assert.deepEqual(rows.map(([, key]) => key!).sort(), keysOf(runefileSchema).sort());
  for (const [row, , fallback, unit] of rows) assert.ok(fallback!.trim() && unit!.trim(), row);
});

Deno.test("docs/operations.md says of every key whether SIGHUP applies it, as the daemon does", () => {
  const live = Object.entries(RELOADABLE).flatMap(([keys, setting]) =>
    keys.split(", ").map((key) => `${key} ${setting.live ? "yes" : "restart"}`)
  );
  assert.deepEqual(rows.map(([, key, , , reload]) => `${key} ${reload}`).sort(), live.sort());
});
