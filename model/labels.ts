/** Free-form labels: string keys and values. @module */
import { mapUpTo, textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";

/** Labels: at most 64, keys up to 253 characters, values up to 256. */
export const labelsSchema = mapUpTo(
  textUpTo(LIMITS.name).min(1),
  textUpTo(LIMITS.label),
  LIMITS.labels,
).default({});
