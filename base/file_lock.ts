/**
 * Locks of the kernel on open files (flock). They end with the process that holds them, so that a killed one
 * leaves nothing behind. Knows nothing of Rune.
 * @module
 */
import { writeAllSync } from "./durable.ts";

/**
 * Locks an open file, or an open directory, without waiting. It closes the file when it does not get the
 * lock.
 *
 * @returns what releases the lock and closes the file; undefined when somebody else holds the lock.
 */
export function lockFile(file: Deno.FsFile): Disposable | undefined {
  let locked = false;
  try {
    locked = file.tryLockSync(true);
  } finally {
    if (!locked) file.close();
  }
  if (!locked) return undefined;
  return {
    [Symbol.dispose]() {
      // Closing is not enough: a child that is just being started has a copy of the open file until it
      // executes its program.
      file.unlockSync();
      file.close();
    },
  };
}

/** Whether somebody holds the lock of a file. Nobody holds that of a file which does not exist. */
export function isLocked(path: string): boolean {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  using lock = lockFile(file);
  return lock === undefined;
}

/**
 * Writes into a file who holds a lock, for messages alone. Where that fails, on a full disk for example, the
 * lock holds all the same.
 */
export function noteHolder(file: Deno.FsFile, text: string): void {
  try {
    file.truncateSync();
    writeAllSync(file, new TextEncoder().encode(text));
  } catch {
    // The message to a second process is poorer, nothing else.
  }
}
