/** Frozen copies: a reader's object equals what is on disk, and nobody can change it in place. @module */

/** Freezes plain JSON data deeply. */
export function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}

/**
 * A frozen copy as it would come back from disk: it goes through JSON, so that `undefined` fields and dates
 * read the same.
 */
export function frozenCopy<T>(value: T): T {
  return freeze(JSON.parse(JSON.stringify(value)));
}
