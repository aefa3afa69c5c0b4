/** Free-form labels: string keys and values. @module */
import { z } from "zod";

/** A scalar that YAML may have read as a number or boolean, taken as the text it was written as. */
export const scalarText = z.union([z.string(), z.number(), z.boolean()], { error: "expected a string" })
  .transform(String);

/** Labels: at most 64, keys up to 253 characters, values up to 256. */
export const labelsSchema = z.record(z.string().min(1).max(253), scalarText.pipe(z.string().max(256)))
  .refine((labels) => Object.keys(labels).length <= 64, { error: "expected at most 64 labels" })
  .default({});
