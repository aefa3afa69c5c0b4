/** Decides whether a host name can be public (RFC 6761, RFC 6762, RFC 8375, and private use). @module */

const PRIVATE = [
  "local",
  "localhost",
  "internal",
  "home.arpa",
  "test",
  "example",
  "invalid",
  "lan",
  "home",
  "corp",
  "rune",
];

/**
 * Whether a public authority could issue a certificate for the name, which must be fully qualified and not
 * reserved.
 */
export function isPublicName(host: string): boolean {
  return host.includes(".") && !PRIVATE.some((suffix) => host.endsWith(`.${suffix}`));
}

/**
 * The most labels of a private name that are recognized. Caddy compares a name with each pattern at each
 * handshake.
 */
const MAX_LABELS = 8;

/** The names that {@linkcode isPublicName} refuses, as patterns for Caddy; `*` stands for one label. */
export const PRIVATE_PATTERNS: string[] = [
  "*",
  ...PRIVATE.flatMap((suffix) =>
    Array.from({ length: MAX_LABELS - 1 }, (_, i) => `${"*.".repeat(i + 1)}${suffix}`)
  ),
];
