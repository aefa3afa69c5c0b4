/**
 * The lock on a data directory, which lets only one process use it. The kernel holds it (flock on an open
 * file), so a killed owner leaves nothing behind. The pid in the file only serves the error message.
 * @module
 */
import { join } from "node:path";
import { lockFile, noteHolder } from "../base/file_lock.ts";
import { RuneError } from "../model/error.ts";
import { unusableDirectoryError } from "./failures.ts";

/**
 * Takes the lock of a data directory without waiting.
 *
 * @returns a disposable that releases it.
 * @throws {RuneError} `failed_precondition` if another process holds it, or the file cannot be created.
 */
export function lockDataDir(dataDir: string): Disposable {
  const path = join(dataDir, "lock");
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  } catch (error) {
    throw unusableDirectoryError(path, error);
  }
  let lock: Disposable | undefined;
  try {
    lock = lockFile(file);
    if (!lock) throw heldBy(Deno.readTextFileSync(path).trim(), dataDir);
  } catch (error) {
    throw unusableDirectoryError(path, error);
  }
  noteHolder(file, `${Deno.pid}\n`);
  return lock;
}

function heldBy(pid: string, dataDir: string): RuneError {
  const owner = pid === "" ? "another process" : `another process (pid ${pid})`;
  return new RuneError("failed_precondition", `${owner} uses the data directory ${dataDir}`, {
    hint: "stop that daemon first, or choose another --data-dir for this one",
  });
}
