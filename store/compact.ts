/** Rewrites the database file, so that nothing deleted or replaced remains in it. @module */
import { DatabaseSync } from "node:sqlite";
import { cannotWrite } from "./failures.ts";

/**
 * Copies the live data into a fresh file (SQLite's VACUUM) and empties the write-ahead log. Call it while
 * nobody writes.
 *
 * @throws {RuneError} `unavailable` if the disk has no room for the copy.
 */
export function compactDatabase(path: string): void {
  try {
    using database = new DatabaseSync(path);
    database.exec("PRAGMA busy_timeout = 5000; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    throw cannotWrite(error);
  }
}
