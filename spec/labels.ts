/** Free-form labels: string keys and values. @module */
import { z } from "zod";
import { LIMITS, mapUpTo, textUpTo } from "./limits.ts";

/** A scalar that YAML may have read as a number or boolean, taken as the text it was written as. */
export const scalarUpTo = (max: number) =>
  z.union([z.string(), z.number(), z.boolean()], { error: "expected a string" })
    .transform(String).pipe(textUpTo(max));

/** A scalar as long as a variable or an argument may be. */
export const scalarText = scalarUpTo(LIMITS.argument);

/** Labels: at most 64, keys up to 253 characters, values up to 256. */
export const labelsSchema = mapUpTo(
  textUpTo(LIMITS.name).min(1),
  scalarUpTo(LIMITS.label),
  LIMITS.labels,
).default({});
