/**
 * The files in the data directory: the directory itself, the KV database, and the mark that it was created.
 * Only their owner can read them.
 * @module
 */
import { join } from "node:path";
import { RuneError } from "../model/error.ts";
import { damagedStateError, unusableDirectoryError } from "./failures.ts";

/** The path of the database. */
export function statePath(dataDir: string): string {
  return join(dataDir, "state.db");
}

/**
 * Exists once the database was created. Without it an emptied or missing database would look like a first
 * start.
 */
function markPath(dataDir: string): string {
  return join(dataDir, "state.made");
}

/** The directory in which a restore works. It remains only if the restore was interrupted. */
export function restoringPath(dataDir: string): string {
  return join(dataDir, "restoring");
}

/** Whether the directory holds a state, or once did. */
export function hasState(dataDir: string): boolean {
  return Boolean(sizeOf(statePath(dataDir))) || sizeOf(markPath(dataDir)) !== undefined;
}

/** Removes the remains of a restore that was interrupted after the state was in place. */
export function removeRestored(dataDir: string): void {
  try {
    Deno.removeSync(restoringPath(dataDir), { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw unusableDirectoryError(dataDir, error);
  }
}

/** Creates the directory if it is missing. @throws {RuneError} `failed_precondition` if that fails. */
export function ensureDataDir(dataDir: string): void {
  try {
    // Other users may traverse it but not list it: volumes below it belong to the users of process services.
    Deno.mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  } catch (error) {
    throw unusableDirectoryError(dataDir, error);
  }
}

/**
 * Opens the database, and creates it at the first start.
 *
 * @throws {RuneError} `failed_precondition` if it is damaged or missing, or cannot be opened.
 */
export async function openState(dataDir: string): Promise<Deno.Kv> {
  const path = statePath(dataDir);
  try {
    if (!sizeOf(path)) {
      if (sizeOf(markPath(dataDir)) !== undefined) throw missingStateError(dataDir);
      if (sizeOf(restoringPath(dataDir)) !== undefined) throw halfRestored(dataDir);
      // Created here and not by SQLite, so that it is private, and so are the files beside it, which take its
      // mode.
      Deno.writeFileSync(path, new Uint8Array(), { mode: 0o600 });
    }
    Deno.chmodSync(path, 0o600);
  } catch (error) {
    throw unusableDirectoryError(path, error);
  }
  try {
    return await Deno.openKv(path);
  } catch (error) {
    throw damagedStateError(path, error);
  }
}

/** Marks the database as created. */
export function markMade(dataDir: string): void {
  try {
    if (sizeOf(markPath(dataDir)) === undefined) {
      Deno.writeFileSync(markPath(dataDir), new Uint8Array(), { mode: 0o600 });
    }
  } catch (error) {
    throw unusableDirectoryError(dataDir, error);
  }
}

/** Size in bytes; undefined if the file is missing. */
function sizeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function missingStateError(dataDir: string): RuneError {
  return new RuneError(
    "failed_precondition",
    `${statePath(dataDir)} is missing or empty, although it existed before`,
    {
      hint: `to start from nothing, delete ${markPath(dataDir)}; to restore a backup, delete it and run: ` +
        "rune admin restore <file>",
    },
  );
}

function halfRestored(dataDir: string): RuneError {
  return new RuneError("failed_precondition", `a restore into ${dataDir} was interrupted`, {
    hint: `run it again: rune admin restore <file>; to start from nothing, delete ${restoringPath(dataDir)}`,
  });
}
