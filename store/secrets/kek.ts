/**
 * The key encryption key (KEK), the only key outside the store. It comes from an environment variable, or
 * from a file that the first start creates. During a rotation the next key lies beside it, as `<file>.next`.
 * @module
 */
import { replaceFile } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { importKey, KEY_BYTES, randomKey } from "./envelope.ts";

/** Where the KEK comes from. */
export type KekSource =
  | { from: "file"; path: string }
  | { from: "env"; variable: string; value?: string; previous?: string };

/** A KEK that is ready for use. */
export interface Kek {
  /** A digest of the key, which identifies it and reveals nothing. */
  id: string;
  key: CryptoKey;
}

/** Imports the KEK with these bytes. */
export async function kekOf(raw: Uint8Array<ArrayBuffer>): Promise<Kek> {
  const label = new TextEncoder().encode("rune kek id\0");
  const labelled = new Uint8Array(label.length + raw.length);
  labelled.set(label);
  labelled.set(raw, label.length);
  const digest = await crypto.subtle.digest("SHA-256", labelled);
  return { id: new Uint8Array(digest).subarray(0, 16).toHex(), key: await importKey(raw) };
}

/**
 * Parses a KEK: 32 bytes in base64.
 *
 * @param where names the file or variable in the error, never its content.
 * @throws {RuneError} `failed_precondition`.
 */
export async function parseKek(text: string, where: string): Promise<Kek> {
  let raw: Uint8Array<ArrayBuffer> | undefined;
  try {
    raw = Uint8Array.fromBase64(text.trim());
  } catch {
    // Not base64: the error is the same as for a wrong length.
  }
  if (raw?.length === KEY_BYTES) return await kekOf(raw);
  throw new RuneError(
    "failed_precondition",
    `${where} is not a key encryption key: expected 32 bytes in base64`,
    {
      hint: "restore it from its backup; without it no secret can be read",
    },
  );
}

/** A KEK with the text of its file. */
export interface KekFile extends Kek {
  text: string;
}

/** Reads the KEK in a file; undefined if there is no file. @throws {RuneError} `failed_precondition`. */
export async function readKekFile(path: string): Promise<KekFile | undefined> {
  let text: string;
  try {
    const { mode } = await Deno.stat(path);
    if (mode !== null && (mode & 0o077) !== 0) {
      throw new RuneError("failed_precondition", `other users can read the key encryption key ${path}`, {
        hint: `run: chmod 600 ${path}; if somebody may have read it, also run: rune admin rotate-kek`,
      });
    }
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof RuneError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new RuneError("failed_precondition", `cannot read the key encryption key: ${reason}`, {
      hint: "make the file readable only for the daemon's user",
      cause: error,
    });
  }
  return { ...await parseKek(text, path), text };
}

/** Writes a new KEK to a file, completely or not at all, also if power fails. */
export async function makeKekFile(path: string): Promise<Kek> {
  const raw = randomKey();
  await replaceFile(path, `${raw.toBase64()}\n`, { aside: `${path}.draft` });
  return await kekOf(raw);
}

/** The path of the next KEK during a rotation. */
export const nextPath = (path: string) => `${path}.next`;
