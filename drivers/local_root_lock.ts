/** One daemon uses a volume root: the kernel's lock on a file in it, so that a killed one leaves nothing behind. @module */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeAllSync } from "../base/durable.ts";
import { RuneError } from "../spec/error.ts";
import type { Owner } from "./directory_hold.ts";
import type { LocalLayout } from "./local_layout.ts";

/**
 * Takes the lock of a root.
 *
 * @returns what releases it; undefined while there is no such directory.
 * @throws {RuneError} `failed_precondition` when another daemon holds it.
 */
export function lockRoot({ root }: LocalLayout, { daemonId, dataDir }: Owner): Disposable | undefined {
  if (!existsSync(root)) return undefined;
  const directory = join(root, ".rune");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, ".owner");
  const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  try {
    if (!file.tryLockSync(true)) {
      const other = Deno.readTextFileSync(path).trim();
      throw new RuneError(
        "failed_precondition",
        `the volume root ${root} is used by another Rune daemon, ${other}`,
        {
          hint: "stop that one, or set storage.localVolumeRoot to a directory of this daemon's own",
        },
      );
    }
    file.truncateSync();
    // For the message to another; on a full disk it is poorer, and the lock is held all the same.
    writeAllSync(file, new TextEncoder().encode(`${daemonId} of the data directory ${dataDir}\n`));
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    [Symbol.dispose]() {
      // Closing is not enough: a child that is just being started has a copy of the open file until it executes its program.
      file.unlockSync();
      file.close();
    },
  };
}
