/**
 * The layout on disk has a number. A newer program brings an older layout forward at open, step by step; an
 * older program refuses a newer layout, because it cannot know what it would destroy.
 * @module
 */
import { RuneError } from "../model/error.ts";
import { SCHEMA } from "./keys.ts";

/** Brings the layout one number up. It is run again when the process died before the number was written. */
export type Migration = (kv: Deno.Kv) => Promise<void>;

/** `MIGRATIONS[n]` leads from layout n + 1 to n + 2. */
export const MIGRATIONS: readonly Migration[] = [];

/**
 * The layout's number; undefined in an empty state.
 *
 * @throws {RuneError} `failed_precondition` when a newer program made it.
 */
export async function readSchema(
  kv: Deno.Kv,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<number | undefined> {
  const known = migrations.length + 1;
  const { value } = await kv.get<number>(SCHEMA);
  if (value !== null && value > known) {
    throw new RuneError(
      "failed_precondition",
      `the state has layout ${value}; this program knows up to ${known}`,
      {
        hint: "start the newer version of Rune that wrote it, or restore a backup from before the upgrade",
      },
    );
  }
  return value ?? undefined;
}

/** Runs the steps that are missing, or gives an empty state its number. */
export async function migrate(kv: Deno.Kv, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  const from = await readSchema(kv, migrations);
  if (from === undefined) {
    await kv.set(SCHEMA, migrations.length + 1);
    return;
  }
  for (const [n, step] of migrations.entries()) {
    if (n + 1 < from) continue;
    await step(kv);
    await kv.set(SCHEMA, n + 2);
  }
}
