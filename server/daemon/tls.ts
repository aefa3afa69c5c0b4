/** Reads the files of a certificate and its key. @module */
import { X509Certificate } from "node:crypto";
import { RuneError } from "../../model/error.ts";

/** Paths of a certificate chain and its key, in PEM. */
export interface TlsFiles {
  cert: string;
  key: string;
}

/** A certificate chain and its key, in PEM. */
export interface TlsPair {
  cert: string;
  key: string;
  /** RFC 3339. */
  validUntil: string;
}

/**
 * Reads a certificate and its key.
 *
 * @throws {RuneError} `failed_precondition` that says what is wrong with which file.
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
    throw new RuneError("failed_precondition", `${cert} contains no certificate`, {
      hint: "use a PEM file with the certificate first, then those that signed it",
      cause,
    });
  }
}
