/**
 * Texts, lists and maps that take no more than so much, as schemas. The numbers are in `limits.ts`, apart: a
 * client that only needs a number does not load zod.
 * @module
 */
import { z } from "zod";
import { LIMITS } from "./limits.ts";

/** A text of at most so many characters; a longer one is looked at no further. */
export const textUpTo = (max: number) => z.string().max(max, { abort: true });

/**
 * A text that a program can be given as a variable or an argument: as long as these may be, without what ends
 * them.
 */
export const argumentText = textUpTo(LIMITS.argument).refine((text) => !text.includes("\0"), {
  error: "a word or variable cannot hold the character NUL (\\0)",
});

/** A list of at most so many entries. */
export const listUpTo = <T extends z.ZodType>(entry: T, max: number, error?: string) =>
  z.array(entry, error === undefined ? undefined : { error }).max(max, { abort: true });

/** A map of at most so many entries. */
export const mapUpTo = <K extends z.core.$ZodRecordKey, V extends z.ZodType>(key: K, value: V, max: number) =>
  z.record(key, value).refine((map) => Object.keys(map).length <= max, {
    error: `expected at most ${max} entries`,
    abort: true,
  }).meta({ maxProperties: max });
