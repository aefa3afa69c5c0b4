/**
 * Notes in a directory about works that were begun and have not ended. A killed `mkfs` leaves a device that
 * is neither blank nor a filesystem: a note proves that nothing else was ever on it. A snapshot that was cut
 * short may be whole or not: a note says that nobody knows.
 * @module
 */
import { join } from "node:path";
import { removeEntry, replaceFile } from "../base/durable.ts";
import { errnoOf } from "./host_error.ts";

/** Which works were begun and have not ended, by the uid of what they are about. */
export interface BegunNotes {
  has(uid: string): Promise<boolean>;
  add(uid: string): Promise<void>;
  remove(uid: string): Promise<void>;
}

/** Keeps the notes in a directory, which is created when it is needed. */
export function createBegunNotes(directory: string): BegunNotes {
  return {
    async has(uid) {
      try {
        return (await Deno.lstat(join(directory, uid))).isFile;
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return false;
        throw error;
      }
    },
    async add(uid) {
      await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
      await replaceFile(join(directory, uid), "");
    },
    remove: (uid) => removeEntry(join(directory, uid)),
  };
}
