/** Merges objects that have no key in common. Knows nothing of Rune. @module */

/** The fields of every member of a union. */
export type AllOf<Union> = (Union extends unknown ? (each: Union) => void : never) extends (
  all: infer Every,
) => void ? Every
  : never;

/**
 * Merges objects into one. None overwrites what another has.
 *
 * @param options.what the key of which there may be one only, for the message: `key of the runefile's section
 * storage`.
 * @throws {TypeError} when two of them have the same key.
 *
 * @example
 * ```ts
 * import { mergeDistinct } from "./merge_distinct.ts";
 *
 * mergeDistinct([{ a: 1 }, { b: 2 }], { what: "letter" }); // { a: 1, b: 2 }
 * ```
 */
export function mergeDistinct<Part extends object>(
  parts: readonly Part[],
  { what }: { what: string },
): AllOf<Part> {
  const merged: Record<string, unknown> = {};
  for (const part of parts) {
    for (const [key, value] of Object.entries(part)) {
      if (Object.hasOwn(merged, key)) throw new TypeError(`there are two of the ${what} "${key}"`);
      merged[key] = value;
    }
  }
  return merged as AllOf<Part>;
}
