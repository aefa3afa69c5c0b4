/**
 * Authenticated encryption of small values with AES-256-GCM (WebCrypto). Every box is bound to a context, and
 * opening it with any other context fails. So ciphertext that was moved, swapped or altered never decrypts.
 * @module
 */

/** The length of every key, in bytes. */
export const KEY_BYTES = 32;
const IV_BYTES = 12;

/** An encrypted value; bytes are in base64. */
export interface Box {
  iv: string;
  ciphertext: string;
}

const contextBytes = (context: string[]) => new TextEncoder().encode(JSON.stringify(context));

/** A random key. */
export function randomKey(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
}

/** Imports a key for use. Its bytes cannot be read back. */
export function importKey(raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** Encrypts bytes with a key and binds them to a context. */
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

/** Decrypts a box. @throws if the key or the context differs, or if any bit was changed. */
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
