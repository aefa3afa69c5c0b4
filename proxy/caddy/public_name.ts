/** Which host names a public certificate authority can know (RFC 6761, RFC 6762, RFC 8375, and private use). @module */

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

/** Whether a public authority could make a certificate for the name: a full name outside of what is reserved. */
export function isPublicName(host: string): boolean {
  return host.includes(".") && !PRIVATE.some((suffix) => host.endsWith(`.${suffix}`));
}
