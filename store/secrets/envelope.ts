/**
 * Authenticated encryption of small values with AES-256-GCM (WebCrypto). Every box is bound to a context:
 * opened under any other it fails, so that ciphertext which was moved, exchanged or altered never turns into
 * plain text.
 * @module
 */

/** Bytes of every key. */
export const KEY_BYTES = 32;
const IV_BYTES = 12;

/** What a key sealed; bytes are base64. */
export interface Box {
  iv: string;
  ciphertext: string;
}

const contextBytes = (context: string[]) => new TextEncoder().encode(JSON.stringify(context));

/** A random key. */
export function randomKey(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
}

/** The key made ready for use; its bytes cannot be had back from it. */
export function importKey(raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** Encrypts bytes under a key, bound to a context. */
export async function seal(
  key: CryptoKey,
  plain: Uint8Array<ArrayBuffer>,
  context: string[],
): Promise<Box> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const algorithm = { name: "AES-GCM", iv, additionalData: contextBytes(context) };
  const ciphertext = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, plain));
  return { iv: iv.toBase64(), ciphertext: ciphertext.toBase64() };
}

/** The bytes in a box. @throws when the key or the context is another one, or a bit was changed. */
export async function open(
  key: CryptoKey,
  box: Box,
  context: string[],
): Promise<Uint8Array<ArrayBuffer>> {
  const iv = Uint8Array.fromBase64(box.iv);
  const algorithm = { name: "AES-GCM", iv, additionalData: contextBytes(context) };
  return new Uint8Array(
    await crypto.subtle.decrypt(algorithm, key, Uint8Array.fromBase64(box.ciphertext)),
  );
}
