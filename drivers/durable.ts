/** Directories and small JSON files that survive a power cut: written aside, synced, renamed. @module */
import { dirname } from "node:path";
import type { ZodType } from "zod";
import { asideOf, replaceFile, syncDirectory } from "../base/durable.ts";
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

/** Makes a directory of exactly this mode, whatever the umask, below one that exists. One that exists is left as it is. */
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

/** Renames, and makes both ends durable. Replaces nothing but an empty directory. */
export async function renameDirectory(from: string, to: string): Promise<void> {
  await Deno.rename(from, to);
  await syncDirectory(dirname(to));
  if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from));
}

/** Removes what a {@linkcode writeJson} left that was cut short. */
export async function removeAside(path: string): Promise<void> {
  await removeEntry(asideOf(path));
}

/** Writes a JSON file so that a reader finds the old contents or the new, whatever happens. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await replaceFile(path, JSON.stringify(value, null, 2) + "\n");
}

/**
 * Reads what {@linkcode writeJson} wrote; undefined when there is no such file.
 *
 * @throws {RuneError} `failed_precondition` when it holds something else.
 */
export async function readJson<T>(path: string, schema: ZodType<T>): Promise<T | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new RuneError("failed_precondition", `${path} was not written by Rune, or is damaged`, {
      hint: "look at it; when it is worthless, remove it and try again",
      cause: error,
    });
  }
}

/** Removes a file or an empty directory. Done when it is gone already. */
export async function removeEntry(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    throw error;
  }
  await syncDirectory(dirname(path));
}
