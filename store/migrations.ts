/**
 * Migrations of the layout on disk, which has a number. A newer program upgrades an older layout step by step
 * when it opens. An older program refuses a newer layout, because it could destroy what it does not know.
 * @module
 */
import { RuneError } from "../model/error.ts";
import { SCHEMA } from "./keys.ts";

/** Upgrades the layout by one. It runs again if the process dies before the new number is written. */
export type Migration = (kv: Deno.Kv) => Promise<void>;

/** `MIGRATIONS[n]` upgrades layout n + 1 to n + 2. */
export const MIGRATIONS: readonly Migration[] = [];

/**
 * Reads the layout's number; undefined for an empty state.
 *
 * @throws {RuneError} `failed_precondition` if a newer program wrote it.
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

/** Runs the missing steps, or numbers an empty state. */
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
