/** The files of a certificate and its key. @module */
import { X509Certificate } from "node:crypto";
import { RuneError } from "../../model/error.ts";

/** Files of a certificate chain and its key, PEM. */
export interface TlsFiles {
  cert: string;
  key: string;
}

/** What they hold. */
export interface TlsPair {
  cert: string;
  key: string;
  /** RFC 3339. */
  validUntil: string;
}

/**
 * Reads a certificate and its key.
 *
 * @throws {RuneError} `failed_precondition` naming the file and what is wrong with it.
 */
export async function readTlsPair({ cert, key }: TlsFiles): Promise<TlsPair> {
  const read = async (path: string, what: string) => {
    try {
      return await Deno.readTextFile(path);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new RuneError("failed_precondition", `cannot read the ${what} of auth.tls: ${reason}`, {
        hint: "check the path and that the daemon's user can read it",
        cause,
      });
    }
  };
  const pair = { cert: await read(cert, "certificate"), key: await read(key, "key") };
  try {
    const parsed = new X509Certificate(pair.cert);
    return { ...pair, validUntil: new Date(parsed.validTo).toISOString() };
  } catch (cause) {
    throw new RuneError("failed_precondition", `${cert} holds no certificate`, {
      hint: "give a PEM file: the certificate first, then those that signed it",
      cause,
    });
  }
}
