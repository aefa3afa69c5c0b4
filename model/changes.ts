/** Compares plain JSON values field by field. @module */

/** One field that differs. */
export interface FieldChange {
  /** `volumes[0].mountPath`. */
  path: string;
  /** Absent when the field is new. */
  from?: unknown;
  /** Absent if the field was removed. */
  to?: unknown;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value of an own key of the map: an inherited `constructor` does not count. */
const ownValue = (map: Record<string, unknown>, key: string) =>
  Object.hasOwn(map, key) ? map[key] : undefined;

function walk(path: string, from: unknown, to: unknown, out: FieldChange[]): void {
  if (isMap(from) && isMap(to)) {
    for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
      walk(path === "" ? key : `${path}.${key}`, ownValue(from, key), ownValue(to, key), out);
    }
  } else if (Array.isArray(from) && Array.isArray(to)) {
    for (let i = 0; i < Math.max(from.length, to.length); i++) walk(`${path}[${i}]`, from[i], to[i], out);
  } else if (from !== to) {
    out.push({ path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) });
  }
}

/** The fields in which two JSON values differ. An `undefined` field equals an absent one. */
export function fieldChanges(from: unknown, to: unknown): FieldChange[] {
  const out: FieldChange[] = [];
  walk("", from, to, out);
  return out;
}

/**
 * Whether two JSON values are equal, ignoring the order of keys. An `undefined` field equals an absent one.
 */
export function sameValue(from: unknown, to: unknown): boolean {
  if (from === to) return true;
  if (isMap(from) && isMap(to)) {
    for (const key of Object.keys(from)) if (!sameValue(from[key], ownValue(to, key))) return false;
    for (const key of Object.keys(to)) {
      if (!Object.hasOwn(from, key) && to[key] !== undefined) return false;
    }
    return true;
  }
  return Array.isArray(from) && Array.isArray(to) && from.length === to.length &&
    from.every((item, i) => sameValue(item, to[i]));
}
