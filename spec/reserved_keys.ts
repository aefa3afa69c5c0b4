/**
 * Keys that no map may have. `__proto__` sets the prototype of the object that it is written to, or is dropped by whoever copies
 * the map (zod does): a name that cannot be kept is refused where it comes in. `constructor`, `prototype` and the like are names as
 * any other.
 * @module
 */
import type { FieldIssue } from "./error.ts";

/** Whether a map may have this key. */
export const isReservedKey = (key: string): boolean => key === "__proto__";

/** Issues told of one value: who sends more has learned enough. */
const MAX_ISSUES = 20;

interface Place {
  value: object;
  key: string | number;
  parent: Place | undefined;
}

function pathOf(place: Place | undefined, key: string): (string | number)[] {
  const path: (string | number)[] = [key];
  for (let at = place; at?.parent; at = at.parent) path.unshift(at.key);
  return path;
}

/** An issue for each reserved key in a value as it was parsed, at any depth. Looks at every object once, also in a circle. */
export function reservedKeyIssues(value: unknown): FieldIssue[] {
  const issues: FieldIssue[] = [];
  if (typeof value !== "object" || value === null) return issues;
  const seen = new Set<object>([value]);
  const open: Place[] = [{ value, key: "", parent: undefined }];
  for (let place = open.pop(); place && issues.length < MAX_ISSUES; place = open.pop()) {
    const isList = Array.isArray(place.value);
    for (const [name, inner] of Object.entries(place.value)) {
      if (!isList && isReservedKey(name)) {
        issues.push({
          path: pathOf(place, name),
          message: `"${name}" cannot be the name of anything`,
          hint: "choose another name",
        });
      }
      if (typeof inner !== "object" || inner === null || seen.has(inner)) continue;
      seen.add(inner);
      open.push({ value: inner, key: isList ? Number(name) : name, parent: place });
    }
  }
  return issues;
}
