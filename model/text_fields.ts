/**
 * Gives text fields the text that stands in the file. YAML and JSON read `0427`, `1.10` or `True` as numbers
 * and booleans, and only the schema knows which fields are texts. So this walks the schema and puts the
 * source text in the value's place.
 * @module
 */
import type { z } from "zod";
import { defOf, formsOf } from "./schema_parts.ts";

/**
 * Replaces numbers and booleans with their source text wherever the schema wants a text.
 *
 * @param value the parsed value.
 * @param options.texts the same tree with source texts instead of numbers and booleans. Where it has none,
 * the value's own form is used.
 * @returns the value itself if nothing changes, else a copy.
 */
export function textsAsWritten(
  value: unknown,
  schema: z.ZodType,
  { texts = value }: { texts?: unknown } = {},
): unknown {
  return convert(value, texts, formsOf(schema));
}

function convert(value: unknown, texts: unknown, forms: z.ZodType[]): unknown {
  if (isScalar(value)) {
    return isText(value, forms) ? String(texts ?? value) : value;
  }
  if (typeof value !== "object" || value === null || forms.length === 0) return value;
  if (Array.isArray(value)) {
    const inner = forms.flatMap((form) => defOf(form).element ?? []).flatMap(formsOf);
    if (inner.length === 0) return value;
    const items = value.map((item, i) => convert(item, partOf(texts, i), inner));
    return items.some((item, i) => item !== value[i]) ? items : value;
  }
  let changed = false;
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => {
    const inner = forms.flatMap((form) => {
      const { shape, valueType } = defOf(form);
      const next = shape && Object.hasOwn(shape, key) ? shape[key] : valueType;
      return next ? formsOf(next) : [];
    });
    const converted = convert(item, partOf(texts, key), inner);
    changed ||= converted !== item;
    return [key, converted];
  });
  // Built from entries, so that a key `__proto__` stays an ordinary key.
  return changed ? Object.fromEntries(entries) : value;
}

function partOf(texts: unknown, key: string | number): unknown {
  return typeof texts === "object" && texts !== null && Object.hasOwn(texts, key)
    ? (texts as Record<string | number, unknown>)[key]
    : undefined;
}

/** Unquoted values that are not texts: numbers, booleans, and TOML's dates. */
const isScalar = (value: unknown): boolean =>
  ["number", "bigint", "boolean"].includes(typeof value) || value instanceof Date;

/** Whether such a value must be a text here: the schema allows a text and not the value itself. */
function isText(value: unknown, forms: z.ZodType[]): boolean {
  return forms.some((form) => defOf(form).type === "string") &&
    !forms.some((form) => defOf(form).type === typeof value && form.safeParse(value).success);
}
