/**
 * Tokens of the form `rune_<id>.<secret>`. The id finds the stored token, which holds only a hash of the
 * secret.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import type { Token } from "../../model/identity.ts";

const FORM = /^rune_([a-z0-9]{16})\.([A-Za-z0-9_-]{43})$/;

/** A new token. Its text is shown once. */
export interface MintedToken {
  id: string;
  /** SHA-256 of the secret part, base64. */
  hash: string;
  text: string;
}

const digest = (secret: string) => createHash("sha256").update(secret).digest();

/** Creates a token with a secret of 256 random bits. */
export function mintToken(): MintedToken {
  const id = crypto.getRandomValues(new Uint8Array(8)).toHex();
  const secret = crypto.getRandomValues(new Uint8Array(32)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
  return { id, hash: digest(secret).toString("base64"), text: `rune_${id}.${secret}` };
}

/** Parses a token; undefined if the text has another form. */
export function parseToken(text: string): { id: string; secret: string } | undefined {
  const match = FORM.exec(text);
  return match ? { id: match[1]!, secret: match[2]! } : undefined;
}

/** The hash to compare with if the id is unknown, so that an unknown id takes as long as a wrong secret. */
const NOBODY = Buffer.alloc(32);

/** Whether a secret belongs to a token. Takes the same time for every secret, and if there is no token. */
export function isSecretOf(secret: string, token: Token | undefined): boolean {
  const expected = token ? Buffer.from(token.spec.hash, "base64") : NOBODY;
  const equal = expected.length === NOBODY.length && timingSafeEqual(digest(secret), expected);
  return equal && token !== undefined;
}

/** Whether a token has not expired. */
export function isLive(token: Token, now: number): boolean {
  return token.spec.expiresAt === undefined || Date.parse(token.spec.expiresAt) > now;
}
