/** Parses field selectors of lists and watches, and checks them against the fields of the kind. @module */
import type { z } from "zod";
import { RuneError } from "../../model/error.ts";
import { defOf, formsOf } from "../../model/schema_parts.ts";
import { type FieldRequirement, parseFieldSelector } from "../../model/selector.ts";
import { didYouMean } from "../../model/suggest.ts";

/** Types of values that contain other values. */
const HOLDERS = ["object", "record", "array"];

/** Says why a path cannot be selected; undefined if it can. */
function whyNot(schema: z.ZodType, path: string[]): { message: string; hint?: string } | undefined {
  let forms = formsOf(schema);
  for (const part of path) {
    // Without a schema, any field may exist.
    if (forms.some((form) => ["unknown", "any", "custom"].includes(defOf(form).type))) return undefined;
    const defs = forms.map(defOf);
    const found = defs.flatMap(({ shape, valueType, element }) => {
      const next = shape && Object.hasOwn(shape, part)
        ? shape[part]
        : valueType ?? (/^\d+$/.test(part) ? element : undefined);
      return next ? [next] : [];
    });
    if (found.length === 0) {
      const known = [...new Set(defs.flatMap(({ shape }) => Object.keys(shape ?? {})))];
      return { message: `has no field "${path.join(".")}"`, hint: didYouMean(part, known) };
    }
    forms = found.flatMap(formsOf);
  }
  if (!forms.every((form) => HOLDERS.includes(defOf(form).type))) return undefined;
  const known = forms.flatMap((form) => Object.keys(defOf(form).shape ?? {}));
  return {
    message: `cannot be selected by "${path.join(".")}", which is a map or a list`,
    ...(known.length > 0 && { hint: `name a field of it: ${known.slice(0, 24).join(", ")}` }),
  };
}

/**
 * Parses a field selector for resources of one kind.
 *
 * @param schema the schema of the resource.
 * @throws {RuneError} `invalid_argument` if the selector is malformed, or if the kind does not have the
 * field.
 */
export function readFieldSelector(
  text: string,
  { kind, schema }: { kind: string; schema: z.ZodType },
): FieldRequirement[] {
  const requirements = parseFieldSelector(text);
  for (const { path } of requirements) {
    const reason = whyNot(schema, path);
    if (reason) throw new RuneError("invalid_argument", `a ${kind} ${reason.message}`, { hint: reason.hint });
  }
  return requirements;
}
