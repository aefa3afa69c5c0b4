/**
 * One process owns a data directory. The lock is the kernel's (flock on an open file), so that a killed owner leaves
 * nothing behind; the pid in the file is for the message only.
 * @module
 */
import { join } from "node:path";
import { writeAllSync } from "../base/durable.ts";
import { RuneError } from "../model/error.ts";
import { unusable } from "./failures.ts";

/**
 * Takes the lock of a data directory without waiting.
 *
 * @returns what releases it.
 * @throws {RuneError} `failed_precondition` when another process holds it, or the file cannot be made.
 */
export function lockDataDir(dataDir: string): Disposable {
  const path = join(dataDir, "lock");
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  } catch (error) {
    throw unusable(path, error);
  }
  try {
    if (!file.tryLockSync(true)) throw heldBy(Deno.readTextFileSync(path).trim(), dataDir);
  } catch (error) {
    file.close();
    throw unusable(path, error);
  }
  try {
    file.truncateSync();
    writeAllSync(file, new TextEncoder().encode(`${Deno.pid}\n`));
  } catch {
    // A full disk: the lock is held all the same, and only the message to a second process is poorer.
  }
  return {
    [Symbol.dispose]() {
      // Closing is not enough: a child that is just being started has a copy of the open file until it executes its program.
      file.unlockSync();
      file.close();
    },
  };
}

function heldBy(pid: string, dataDir: string): RuneError {
  const owner = pid === "" ? "another process" : `another process (pid ${pid})`;
  return new RuneError("failed_precondition", `${owner} uses the data directory ${dataDir}`, {
    hint: "stop that daemon first, or give this one another --data-dir",
  });
}
