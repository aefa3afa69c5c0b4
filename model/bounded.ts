/**
 * Schemas of texts, lists and maps with a limit. The numbers are in `limits.ts`, so that a client that only
 * needs a number does not load zod.
 * @module
 */
import { z } from "zod";
import { LIMITS } from "./limits.ts";

/** A text of at most this many characters. Longer texts are not checked further. */
export const textUpTo = (max: number) => z.string().max(max, { abort: true });

/** A text that can be an argument or variable of a program: within the limit, and without NUL. */
export const argumentText = textUpTo(LIMITS.argument).refine((text) => !text.includes("\0"), {
  error: "a word or variable cannot hold the character NUL (\\0)",
});

/** A list of at most this many entries. */
export const listUpTo = <T extends z.ZodType>(entry: T, max: number, error?: string) =>
  z.array(entry, error === undefined ? undefined : { error }).max(max, { abort: true });

/** A map of at most this many entries. */
export const mapUpTo = <K extends z.core.$ZodRecordKey, V extends z.ZodType>(key: K, value: V, max: number) =>
  z.record(key, value).refine((map) => Object.keys(map).length <= max, {
    error: `expected at most ${max} entries`,
    abort: true,
  }).meta({ maxProperties: max });
