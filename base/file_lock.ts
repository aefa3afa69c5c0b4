/**
 * Kernel locks on open files (flock). They end with their process, so a killed holder leaves nothing behind.
 * Knows nothing of Rune.
 * @module
 */
import { writeAllSync } from "./durable.ts";

/**
 * Locks an open file or directory without waiting. Closes the file if it does not get the lock.
 *
 * @returns a disposable that releases the lock and closes the file; undefined if another process holds the
 * lock.
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
      // Closing is not enough: a child process that is just starting has a copy of the open file until it
      // executes its program.
      file.unlockSync();
      file.close();
    },
  };
}

/** Whether any process holds the lock of a file. False if the file does not exist. */
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
 * Writes the holder of a lock into its file, only for messages. If that fails, for example on a full disk,
 * the lock holds anyway.
 */
export function noteHolder(file: Deno.FsFile, text: string): void {
  try {
    file.truncateSync();
    writeAllSync(file, new TextEncoder().encode(text));
  } catch {
    // Only the message to a second process is less precise.
  }
}
