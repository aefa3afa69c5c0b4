/** SealedSecret: the ciphertext behind a secret of the same name. Hidden: the API never shows it. @module */
import type { Resource } from "./envelope.ts";

/** One version of a secret's data under a data key of its own. Bytes are base64. */
export interface SealedSecretSpec {
  /** Counts the values that the secret has had, from 1. */
  version: number;
  /** Names the data key; the key itself lies, wrapped, outside the resources. */
  keyId: string;
  iv: string;
  ciphertext: string;
}

/** See the module comment. */
export type SealedSecret = Resource<"sealedSecret", SealedSecretSpec, Record<string, never>>;
