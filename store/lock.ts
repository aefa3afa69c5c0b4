/**
 * One process owns a data directory: it locks a file in it. The pid in the file is for the message only.
 * @module
 */
import { join } from "node:path";
import { lockFile, noteHolder } from "../base/file_lock.ts";
import { RuneError } from "../model/error.ts";
import { unusableDirectoryError } from "./failures.ts";

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
    hint: "stop that daemon first, or give this one another --data-dir",
  });
}
