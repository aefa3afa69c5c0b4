/** Runefile values that may also be the text of an expanded variable. @module */
import { z } from "zod";

/** `true`, or the text `true`. */
export const flag = z.union(
  [z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")],
  { error: "expected true or false" },
);

/** A port, or its digits. */
export const port = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]).pipe(
  z.number().int().min(1).max(65_535),
);

/** A positive count, or its digits. */
export const count = z.union([z.number(), z.string().regex(/^\d{1,9}$/).transform(Number)], {
  error: "expected a whole number",
}).pipe(z.number().int().min(1).max(16 * 1024 * 1024));
