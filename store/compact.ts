/** Rewrites the database file, so that nothing of what was deleted or replaced is left in it. @module */
import { DatabaseSync } from "node:sqlite";
import { cannotWrite } from "./failures.ts";

/**
 * Copies what is alive into a fresh file (SQLite's VACUUM) and empties the log beside it. For use while
 * nobody writes.
 *
 * @throws {RuneError} `unavailable` when the disk has no room for the copy.
 */
export function compactDatabase(path: string): void {
  try {
    using database = new DatabaseSync(path);
    database.exec("PRAGMA busy_timeout = 5000; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    throw cannotWrite(error);
  }
}
