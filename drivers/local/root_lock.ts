/** One daemon uses a volume root: it locks the root. @module */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { lockFile, noteHolder } from "../../base/file_lock.ts";
import { RuneError } from "../../model/error.ts";
import type { Owner } from "../directory_hold.ts";
import type { LocalLayout } from "./layout.ts";

/**
 * Takes the lock of a root.
 *
 * @returns what releases it; undefined while there is no such directory.
 * @throws {RuneError} `failed_precondition` when another daemon holds it.
 */
export function lockRoot({ root }: LocalLayout, { daemonId, dataDir }: Owner): Disposable | undefined {
  if (!existsSync(root)) return undefined;
  const note = join(root, ".rune", ".owner");
  // The directory itself: a lock takes no room, on a disk that is full or read-only either.
  const lock = lockFile(Deno.openSync(root));
  if (!lock) {
    const other = existsSync(note) ? `, ${Deno.readTextFileSync(note).trim()}` : "";
    throw new RuneError(
      "failed_precondition",
      `the volume root ${root} is used by another Rune daemon${other}`,
      {
        hint: "stop that one, or set storage.localVolumeRoot to a directory of this daemon's own",
      },
    );
  }
  writeNote(note, `${daemonId} of the data directory ${dataDir}\n`);
  return lock;
}

/** For the message to another daemon, which is poorer without. */
function writeNote(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    using file = Deno.openSync(path, { write: true, create: true, mode: 0o600 });
    noteHolder(file, text);
  } catch {
    // A full or read-only disk: the root is locked all the same.
  }
}
