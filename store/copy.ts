/**
 * Copies the state while it is in use, in one read transaction of SQLite, so that the copy shows a single
 * moment. The copy is compact.
 * @module
 */
import { join } from "node:path";
import { unusableDirectoryError } from "./failures.ts";

const COPY = /^backup-[0-9a-f-]{36}\.db(-journal)?$/;

/** A path for a copy. {@linkcode removeCopies} finds it again if its process was killed. */
export function copyPath(dataDir: string): string {
  return join(dataDir, `backup-${crypto.randomUUID()}.db`);
}

/**
 * Copies a database, even while it is open and written to.
 *
 * @param target must not exist.
 * @throws SQLite's error.
 */
export async function copyDatabase(source: string, target: string): Promise<void> {
  // Imported here because only backups need it, so that the daemon starts without it.
  const { DatabaseSync } = await import("node:sqlite");
  Deno.writeFileSync(target, new Uint8Array(), { mode: 0o600, createNew: true });
  const database = new DatabaseSync(source);
  try {
    database.prepare("VACUUM INTO ?").run(target);
  } finally {
    database.close();
  }
}

/** Removes copies that a killed process left behind. */
export function removeCopies(dataDir: string): void {
  try {
    for (const { name } of [...Deno.readDirSync(dataDir)]) {
      if (COPY.test(name)) Deno.removeSync(join(dataDir, name));
    }
  } catch (error) {
    throw unusableDirectoryError(dataDir, error);
  }
}
