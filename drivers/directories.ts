/** Directories of the host: looks at a path, and creates a directory that survives a power cut. @module */
import { dirname } from "node:path";
import { syncDirectory } from "../base/durable.ts";
import { RuneError } from "../model/error.ts";
import { errnoOf } from "./host_error.ts";

/** The state of a path where a directory is expected. */
export type Found = "absent" | "empty" | "filled";

/**
 * Looks at a path without following a symbolic link.
 *
 * @throws {RuneError} `failed_precondition` if there is something other than a directory.
 */
export async function lookAtDirectory(path: string): Promise<Found> {
  const info = await statOrUndefined(path);
  if (info === undefined) return "absent";
  if (!info.isDirectory) {
    const kind = info.isSymlink ? "a symbolic link" : "not a directory";
    throw new RuneError(
      "failed_precondition",
      `${path} is ${kind}; Rune expects a directory of its own there`,
      {
        hint: "move it away, then try again",
      },
    );
  }
  try {
    for await (const _ of Deno.readDir(path)) return "filled";
  } catch (error) {
    // It was moved away in the meantime: out of the trash, or into it.
    if (errnoOf(error) === "ENOENT") return "absent";
    throw error;
  }
  return "empty";
}

async function statOrUndefined(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Creates a directory with exactly this mode, whatever the umask. Does not change an existing one. The parent
 * must exist.
 */
export async function ensureDirectory(path: string, mode: number): Promise<void> {
  if (await lookAtDirectory(path) !== "absent") return;
  try {
    await Deno.mkdir(path, { mode });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    throw error;
  }
  await Deno.chmod(path, mode);
  await syncDirectory(dirname(path));
}
