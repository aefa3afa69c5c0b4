/**
 * Deterministic chance: a value depends on the seed and a position in the history, so removing one event
 * leaves the others as they were.
 * @module
 */

/** An integer below `below`, always the same for the same words. */
export function pick(below: number, ...words: (number | string)[]): number {
  let hash = 2166136261;
  for (const word of words) {
    for (const char of `${word};`) hash = Math.imul(hash ^ char.charCodeAt(0), 16777619);
  }
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return ((hash ^ hash >>> 16) >>> 0) % below;
}

/** Picks one element. */
export function pickOf<T>(all: readonly T[], ...words: (number | string)[]): T {
  return all[pick(all.length, ...words)]!;
}
