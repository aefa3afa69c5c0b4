/** How long a line of a log may be before it is given in parts. @module */

/**
 * Bytes of a line that are given at once; a longer one comes in parts, so that output without newlines fills
 * no memory.
 */
export const LOG_LINE_MAX: number = 64 * 1024;

/**
 * Where to cut UTF-8 so that no letter is cut: at `at`, which lies within `bytes`, or up to three bytes
 * before.
 */
export function letterEnd(bytes: Uint8Array, at: number): number {
  for (let end = at; end > at - 4; end--) {
    if ((bytes[end]! & 0xc0) !== 0x80) return end;
  }
  return at;
}

// A mark at the beginning is part of what was printed.
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LENIENT = new TextDecoder("utf-8", { ignoreBOM: true });

/** Printed bytes as a LogEntry has them: text, and the bytes themselves where they are none. */
export function textOf(bytes: Uint8Array): { text: string; base64?: string } {
  try {
    return { text: STRICT.decode(bytes) };
  } catch {
    return { text: LENIENT.decode(bytes), base64: bytes.toBase64() };
  }
}
