/** Short digests for names and labels. @module */
import { createHash } from "node:crypto";

/** The first 16 hex digits of the SHA-256 of a JSON value. Do not use it for secrets. */
export function shortDigest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}
