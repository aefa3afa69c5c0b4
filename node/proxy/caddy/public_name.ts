/**
 * Which host names a public certificate authority can know (RFC 6761, RFC 6762, RFC 8375, and private use).
 * @module
 */

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
 * Whether a public authority could make a certificate for the name: a full name outside of what is reserved.
 */
export function isPublicName(host: string): boolean {
  return host.includes(".") && !PRIVATE.some((suffix) => host.endsWith(`.${suffix}`));
}

/**
 * Labels that a private name is taken to have at most; Caddy compares a name with each pattern at each
 * handshake.
 */
const MAX_LABELS = 8;

/** The names that {@linkcode isPublicName} refuses, as Caddy compares them: `*` stands for one label. */
export const PRIVATE_PATTERNS: string[] = [
  "*",
  ...PRIVATE.flatMap((suffix) =>
    Array.from({ length: MAX_LABELS - 1 }, (_, i) => `${"*.".repeat(i + 1)}${suffix}`)
  ),
];
