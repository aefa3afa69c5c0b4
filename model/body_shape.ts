/**
 * Checks the shape of a value before its schema does: how deep it nests, how long its lists and maps are, and
 * which keys they have. A schema would visit every entry of a list before it reports that there are too many,
 * and report an issue for each.
 *
 * Writing the key `__proto__` sets an object's prototype, and code that copies maps (zod) drops it. A name
 * that cannot be stored is refused here. `constructor`, `prototype` and the like are ordinary names.
 * @module
 */
import type { z } from "zod";
import type { FieldIssue } from "./error.ts";
import { MAX_DEPTH } from "./limits.ts";
import { defOf, formsOf, greatestSize } from "./schema_parts.ts";

/** Whether a map may have this key. */
export const isReservedKey = (key: string): boolean => key === "__proto__";

/** The most issues reported for one value: more would not help the sender. */
const MAX_ISSUES = 20;

interface Place {
  value: object;
  /** The forms that its schema allows the value. */
  forms: z.ZodType[];
  depth: number;
  key: string | number;
  parent: Place | undefined;
}

function pathOf(place: Place, key?: string): (string | number)[] {
  const path: (string | number)[] = key === undefined ? [] : [key];
  for (let at = place; at.parent; at = at.parent) path.push(at.key);
  return path.reverse();
}

/**
 * The forms of the value at a key. Empty if no value may stand there, or if another schema checks it later
 * (`unknown`).
 */
function formsBelow(forms: z.ZodType[], key: string, isList: boolean): z.ZodType[] {
  return forms.flatMap((form) => {
    if (defOf(form).type === "any") return [form];
    const { shape, element, valueType } = defOf(form);
    const next = isList ? element : shape && Object.hasOwn(shape, key) ? shape[key] : valueType;
    return next ? formsOf(next).filter((below) => defOf(below).type !== "unknown") : [];
  });
}

/** The most entries that any form allows a list or a map. */
function mostEntries(forms: z.ZodType[], isList: boolean): number {
  const wanted = forms.filter((form) => defOf(form).type === (isList ? "array" : "record"));
  const others = !isList && forms.some((form) => defOf(form).type !== "record");
  if (wanted.length === 0 || others) return Infinity;
  return Math.max(...wanted.map((form) => greatestSize(form) ?? Infinity));
}

/**
 * Finds what is wrong with the shape of a parsed value. Visits every object once, even in a cycle, and does
 * not descend into anything that is too long or too deep.
 *
 * @param schema the schema that will check the value; `z.any()` descends everywhere.
 */
export function shapeIssues(value: unknown, schema: z.ZodType): FieldIssue[] {
  const issues: FieldIssue[] = [];
  if (typeof value !== "object" || value === null) return issues;
  const seen = new Set<object>([value]);
  const open: Place[] = [{ value, forms: formsOf(schema), depth: 1, key: "", parent: undefined }];
  for (let place = open.pop(); place && issues.length < MAX_ISSUES; place = open.pop()) {
    const isList = Array.isArray(place.value);
    if (place.depth > MAX_DEPTH) {
      return [{ path: pathOf(place).slice(0, 1), message: `nested deeper than ${MAX_DEPTH} levels` }];
    }
    const most = mostEntries(place.forms, isList);
    const keys = Object.keys(place.value);
    if (keys.length > most) {
      const message = `expected at most ${most} entries, found ${keys.length}`;
      issues.push({ path: pathOf(place), message });
      continue;
    }
    for (const key of keys) {
      if (!isList && isReservedKey(key)) {
        const message = `"${key}" cannot be a name`;
        issues.push({ path: pathOf(place, key), message, hint: "choose another name" });
        if (issues.length === MAX_ISSUES) break;
      }
      const inner = (place.value as Record<string, unknown>)[key];
      if (typeof inner !== "object" || inner === null || seen.has(inner)) continue;
      const forms = formsBelow(place.forms, key, isList);
      if (forms.length === 0) continue;
      seen.add(inner);
      open.push({
        value: inner,
        forms,
        depth: place.depth + 1,
        key: isList ? Number(key) : key,
        parent: place,
      });
    }
  }
  return issues;
}
