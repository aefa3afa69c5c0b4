/**
 * The page that documents the runefile, held to its schema; and the table of what a reload applies, held to
 * both.
 * @module
 */
import assert from "node:assert/strict";
import type { z } from "zod";
import { RELOADABLE } from "./reload.ts";
import { runefileSchema } from "./runefile.ts";

/** Every key of the schema: sections are descended into, maps of the user's own keys are not. */
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

Deno.test("docs/operations.md documents every key of the runefile and no other, with default and unit", () => {
  assert.deepEqual(rows.map(([, key]) => key!).sort(), keysOf(runefileSchema).sort());
  for (const [row, , fallback, unit] of rows) assert.ok(fallback!.trim() && unit!.trim(), row);
});

Deno.test("docs/operations.md says of every key whether SIGHUP applies it, as the daemon does", () => {
  const live = Object.entries(RELOADABLE).flatMap(([keys, setting]) =>
    keys.split(", ").map((key) => `${key} ${setting.live ? "yes" : "restart"}`)
  );
  assert.deepEqual(rows.map(([, key, , , reload]) => `${key} ${reload}`).sort(), live.sort());
});
