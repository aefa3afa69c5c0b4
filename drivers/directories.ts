/** Directories of the host: what stands at a path, and making one that survives a power cut. @module */
import { dirname } from "node:path";
import { syncDirectory } from "../base/durable.ts";
import { RuneError } from "../model/error.ts";
import { errnoOf } from "./host_error.ts";

/** What stands at a path where a directory is expected. */
export type Found = "absent" | "empty" | "filled";

/**
 * Looks at a path without following a symbolic link.
 *
 * @throws {RuneError} `failed_precondition` when it is there and is no directory.
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
    // It was moved away since: out of the trash, or into it.
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
 * Makes a directory of exactly this mode, whatever the umask, below one that exists. One that exists is left
 * as it is.
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
