/** Certificates for tests, created by openssl(1): a root, and pairs that it signed for localhost. @module */
import assert from "node:assert/strict";

async function openssl(...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command("openssl", { args, stdout: "null", stderr: "piped" })
    .output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

/** A root certificate in a directory. */
export interface Authority {
  /** Path of its certificate. */
  ca: string;
  /** Creates a pair for localhost and 127.0.0.1 in these files, replacing existing ones. */
  issue(files: { cert: string; key: string }, name: string): Promise<void>;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Creates a root certificate. */
export async function makeAuthority(dir: string): Promise<Authority> {
  const [ca, caKey] = [`${dir}/ca.pem`, `${dir}/ca.key`];
  await openssl("req", "-x509", ...KEY, "-days", "2", "-subj", "/CN=test root", "-keyout", caKey, "-out", ca);
  return {
    ca,
    async issue({ cert, key }, name) {
      const [request, extensions] = [`${dir}/${name}.csr`, `${dir}/${name}.ext`];
      await Deno.writeTextFile(
        extensions,
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
      );
      await openssl("req", ...KEY, "-subj", `/CN=${name}`, "-keyout", `${key}.new`, "-out", request);
      await openssl(
        "x509",
        "-req",
        "-in",
        request,
        "-CA",
        ca,
        "-CAkey",
        caKey,
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        extensions,
        "-out",
        `${cert}.new`,
      );
      await Deno.rename(`${key}.new`, key);
      await Deno.rename(`${cert}.new`, cert);
    },
  };
}
