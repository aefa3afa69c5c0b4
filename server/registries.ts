/** `docker.registries` of the runefile: which registry gets which credentials, read anew for every pull. @module */
import { z } from "zod";
import { RuneError } from "../spec/error.ts";
import { scalarText } from "../spec/labels.ts";
import { nameRefSchema, parseNameRef } from "../spec/name.ts";

const PATTERN = /^[A-Za-z0-9*][A-Za-z0-9.*-]*(:\d+)?(\/[A-Za-z0-9*._-]+)*$/;

/** One registry. Credentials stand here, or in a Rune secret with the keys `username` and `password`, or `token`. */
export const registrySchema = z.strictObject({
  match: z.string().optional(),
  name: z.string().optional(),
  username: scalarText.optional(),
  password: scalarText.optional(),
  token: scalarText.optional(),
  secret: nameRefSchema.optional(),
}).transform(({ match, name, ...auth }, ctx) => {
  const fail = (message: string) => {
    ctx.addIssue({ code: "custom", message });
    return z.NEVER;
  };
  const pattern = match ?? name;
  if (pattern === undefined || (match !== undefined && name !== undefined)) {
    return fail("expected exactly one of match and name");
  }
  if (!PATTERN.test(pattern)) {
    return fail(`"${pattern}" is not a registry such as ghcr.io, ghcr.io/owner/* or *.example.com:5000`);
  }
  const basic = auth.username !== undefined || auth.password !== undefined;
  if ([basic, auth.token !== undefined, auth.secret !== undefined].filter(Boolean).length !== 1) {
    return fail("expected either username and password, or token, or secret");
  }
  if (basic && (auth.username === undefined || auth.password === undefined)) {
    return fail("expected username and password together");
  }
  return { match: pattern, ...auth };
});
/** See {@linkcode registrySchema}. */
export type Registry = z.output<typeof registrySchema>;

/** Credentials as they are now. */
export interface Credentials {
  username?: string;
  password?: string;
  token?: string;
}

/**
 * The credentials of an entry.
 *
 * @param readSecret reads a Rune secret; undefined when it does not exist.
 * @throws {RuneError} `not_found` (not permanent) when the secret or a key of it is missing.
 */
export async function credentialsOf(
  { match, secret, username, password, token }: Registry,
  readSecret: (namespace: string, name: string) => Promise<Record<string, string> | undefined>,
): Promise<Credentials> {
  if (secret === undefined) {
    return token === undefined ? { username: username!, password: password! } : { token };
  }
  const ref = parseNameRef(secret, "default")!;
  const data = await readSecret(ref.namespace, ref.name);
  const where = `secret ${ref.namespace}/${ref.name}, for docker.registries "${match}",`;
  if (!data) throw new RuneError("not_found", `${where} does not exist`, { hint: "cast it" });
  if (data.token !== undefined) return { token: data.token };
  if (data.username !== undefined && data.password !== undefined) {
    return { username: data.username, password: data.password };
  }
  throw new RuneError("not_found", `${where} has neither token nor username and password`, {
    hint: "add these keys",
  });
}
