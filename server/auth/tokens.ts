/** Tokens: `rune_<id>.<secret>`. The id finds the row; of the secret only a hash is kept. @module */
import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import type { Token } from "../../model/identity.ts";

const FORM = /^rune_([a-z0-9]{16})\.([A-Za-z0-9_-]{43})$/;

/** A token as it is shown, once. */
export interface MintedToken {
  id: string;
  /** SHA-256 of the secret part, base64. */
  hash: string;
  text: string;
}

const digest = (secret: string) => createHash("sha256").update(secret).digest();

/** Makes a token of 256 random bits. */
export function mintToken(): MintedToken {
  const id = crypto.getRandomValues(new Uint8Array(8)).toHex();
  const secret = crypto.getRandomValues(new Uint8Array(32)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
  return { id, hash: digest(secret).toString("base64"), text: `rune_${id}.${secret}` };
}

/** The parts of a token, or undefined for a text of another form. */
export function parseToken(text: string): { id: string; secret: string } | undefined {
  const match = FORM.exec(text);
  return match ? { id: match[1]!, secret: match[2]! } : undefined;
}

/** Compared with where there is no row, so that an unknown id takes as long as a wrong secret. */
const NOBODY = Buffer.alloc(32);

/** Whether a secret is that of a row; takes the same time whatever it is, and where there is no row. */
export function isSecretOf(secret: string, token: Token | undefined): boolean {
  const expected = token ? Buffer.from(token.spec.hash, "base64") : NOBODY;
  const equal = expected.length === NOBODY.length && timingSafeEqual(digest(secret), expected);
  return equal && token !== undefined;
}

/** Whether a token still proves its user. */
export function isLive(token: Token, now: number): boolean {
  return token.spec.expiresAt === undefined || Date.parse(token.spec.expiresAt) > now;
}
