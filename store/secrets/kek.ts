/**
 * The key encryption key (KEK): the one key that is not in the store. It comes from a file, made at the first
 * start, or from an environment variable. While a rotation is under way the next one lies beside it, as
 * `<file>.next`.
 * @module
 */
import { replaceFile } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { importKey, KEY_BYTES, randomKey } from "./envelope.ts";

/** Where the KEK comes from. */
export type KekSource =
  | { from: "file"; path: string }
  | { from: "env"; variable: string; value?: string; previous?: string };

/** A KEK made ready for use. */
export interface Kek {
  /** A digest of it: tells one from another and says nothing else. */
  id: string;
  key: CryptoKey;
}

/** The KEK of these bytes. */
export async function kekOf(raw: Uint8Array<ArrayBuffer>): Promise<Kek> {
  const label = new TextEncoder().encode("rune kek id\0");
  const labelled = new Uint8Array(label.length + raw.length);
  labelled.set(label);
  labelled.set(raw, label.length);
  const digest = await crypto.subtle.digest("SHA-256", labelled);
  return { id: new Uint8Array(digest).subarray(0, 16).toHex(), key: await importKey(raw) };
}

/**
 * The KEK that a text holds: 32 bytes in base64.
 *
 * @param where names the file or variable in the error, never its content.
 * @throws {RuneError} `failed_precondition`.
 */
export async function parseKek(text: string, where: string): Promise<Kek> {
  let raw: Uint8Array<ArrayBuffer> | undefined;
  try {
    raw = Uint8Array.fromBase64(text.trim());
  } catch {
    // Not base64: the same answer as for any other length.
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

/** A KEK with the text that its file holds. */
export interface KekFile extends Kek {
  text: string;
}

/** The KEK in a file, or undefined where there is none. @throws {RuneError} `failed_precondition`. */
export async function readKekFile(path: string): Promise<KekFile | undefined> {
  let text: string;
  try {
    const { mode } = await Deno.stat(path);
    if (mode !== null && (mode & 0o077) !== 0) {
      throw new RuneError("failed_precondition", `others can read the key encryption key ${path}`, {
        hint: `run: chmod 600 ${path}; if somebody may have read it, then also: rune admin rotate-kek`,
      });
    }
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof RuneError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new RuneError("failed_precondition", `cannot read the key encryption key: ${reason}`, {
      hint: "make the file readable for the daemon's user alone",
      cause: error,
    });
  }
  return { ...await parseKek(text, path), text };
}

/** Makes a new KEK in a file, which is there completely or not at all, also after a loss of power. */
export async function makeKekFile(path: string): Promise<Kek> {
  const raw = randomKey();
  await replaceFile(path, `${raw.toBase64()}\n`, { aside: `${path}.draft` });
  return await kekOf(raw);
}

/** Where the next KEK lies while a rotation is under way. */
export const nextPath = (path: string) => `${path}.next`;
