/** How long a line of a log may be before it is given in parts. @module */

/** Bytes of a line that are given at once; a longer one comes in parts, so that output without newlines fills no memory. */
export const LOG_LINE_MAX: number = 64 * 1024;

/** Where to cut UTF-8 so that no letter is cut: at `at`, which lies within `bytes`, or up to three bytes before. */
export function letterEnd(bytes: Uint8Array, at: number): number {
  for (let end = at; end > at - 4; end--) {
    if ((bytes[end]! & 0xc0) !== 0x80) return end;
  }
  return at;
}
