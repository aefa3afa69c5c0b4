/** SealedSecret: the ciphertext behind a secret of the same name. Hidden: the API never shows it. @module */
import type { Resource } from "./envelope.ts";

/** One version of a secret's data, encrypted with its own data key. Bytes are in base64. */
export interface SealedSecretSpec {
  /** The version, counted from 1. */
  version: number;
  /** The id of the data key. The key itself is stored elsewhere, encrypted. */
  keyId: string;
  iv: string;
  ciphertext: string;
}

/** See the module comment. */
export type SealedSecret = Resource<"sealedSecret", SealedSecretSpec, Record<string, never>>;
