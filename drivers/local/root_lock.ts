/** Locks a volume root, so that only one daemon uses it. @module */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { lockFile, noteHolder } from "../../base/file_lock.ts";
import { RuneError } from "../../model/error.ts";
import type { Owner } from "../directory_hold.ts";
import type { LocalLayout } from "./layout.ts";

/**
 * Locks a root.
 *
 * @returns the lock; undefined while the root does not exist.
 * @throws {RuneError} `failed_precondition` if another daemon has locked it.
 */
export function lockRoot({ root }: LocalLayout, { daemonId, dataDir }: Owner): Disposable | undefined {
  if (!existsSync(root)) return undefined;
  const note = join(root, ".rune", ".owner");
  // The directory itself is locked, which works even on a full or read-only disk.
  const lock = lockFile(Deno.openSync(root));
  if (!lock) {
    const other = existsSync(note) ? `, ${Deno.readTextFileSync(note).trim()}` : "";
    throw new RuneError(
      "failed_precondition",
      `the volume root ${root} is used by another Rune daemon${other}`,
      {
        hint: "stop that one, or set storage.localVolumeRoot to another directory",
      },
    );
  }
  writeNote(note, `${daemonId} of the data directory ${dataDir}\n`);
  return lock;
}

/** Writes a note for the message to another daemon. The lock works without it. */
function writeNote(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    using file = Deno.openSync(path, { write: true, create: true, mode: 0o600 });
    noteHolder(file, text);
  } catch {
    // The disk is full or read-only, but the root is still locked.
  }
}
