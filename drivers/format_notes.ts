/** Notes in a directory about formattings that were begun. @module */
import { join } from "node:path";
import { removeEntry, replaceFile } from "../base/durable.ts";
import type { FormatNotes } from "./formatting.ts";
import { errnoOf } from "./host_error.ts";

/** Keeps the notes in a directory, which is created when it is needed. */
export function createFormatNotes(directory: string): FormatNotes {
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
