/** Small JSON files that drivers keep beside volumes, and that survive a power cut. @module */
import type { ZodType } from "zod";
import { asideOf, removeEntry, replaceFile } from "../base/durable.ts";
import { RuneError } from "../model/error.ts";
import { errnoOf } from "./host_error.ts";

/** Removes what an interrupted {@linkcode writeJson} left. */
export async function removeAside(path: string): Promise<void> {
  await removeEntry(asideOf(path));
}

/** Writes a JSON file atomically: readers always find either the old or the new contents. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await replaceFile(path, JSON.stringify(value, null, 2) + "\n");
}

/**
 * Reads a file of {@linkcode writeJson}; undefined if it does not exist.
 *
 * @throws {RuneError} `failed_precondition` if it contains something else.
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
      hint: "look at it; if it is worthless, remove it and try again",
      cause: error,
    });
  }
}
