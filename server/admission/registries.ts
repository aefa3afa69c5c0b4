/**
 * Which registry gets which credentials: what the runefile's `docker.registries` says and what is stored, put together
 * anew for every pull.
 * @module
 */
import { z } from "zod";
import { type ReadSecret, readSecretFrom } from "../../reconcile/config/data.ts";
import { RuneError } from "../../model/error.ts";
import { argumentText } from "../../model/limits.ts";
import { nameRefSchema, parseNameRef } from "../../model/name.ts";
import {
  credentialsIssue,
  registryPattern,
  type RegistrySpec,
  type RegistryView,
} from "../../model/registry.ts";
import { describeKey } from "../../model/resource.ts";
import type { SecretReader } from "../../store/secrets/vault.ts";
import type { Reader } from "../../store/store.ts";

/** One registry of the runefile. Credentials stand here, or in a Rune secret with the keys `username` and `password`, or `token`. */
export const registrySchema = z.strictObject({
  match: z.string().optional(),
  name: z.string().optional(),
  username: argumentText.optional(),
  password: argumentText.optional(),
  token: argumentText.optional(),
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
  const checked = registryPattern.safeParse(pattern);
  if (!checked.success) return fail(checked.error.issues[0]!.message);
  const issue = credentialsIssue(auth);
  return issue === undefined ? { match: pattern, ...auth } : fail(issue);
});
/** See {@linkcode registrySchema}. */
export type RunefileRegistry = z.output<typeof registrySchema>;

/** Credentials as they are now. */
export interface Credentials {
  username?: string;
  password?: string;
  token?: string;
}

/** One entry that pulls go by. */
export interface RegistryEntry {
  match: string;
  /** What the operator knows it as: `docker.registries "ghcr.io"`. */
  entry: string;
  /** Without credentials. */
  view: RegistryView;
  /**
   * Its credentials as they are now.
   *
   * @throws {RuneError} `not_found` (not permanent) when the secret or a key of it is missing.
   */
  credentials(): Promise<Credentials>;
}

/** The namespace, which no secret of a user can have, of what is sealed for stored entries; the name is the pattern. */
export const SEALED_NAMESPACE = "";

/** No credentials hold control characters (RFC 7617, section 2): the line end of the file that a value came from is none of it. */
const oneLine = (text: string) => text.replace(/\r?\n$/, "");

/** The credentials among the values of a secret; undefined when they are not all there. */
export function credentialsIn(
  { token, username, password }: Record<string, string>,
): Credentials | undefined {
  if (token !== undefined) return { token: oneLine(token) };
  if (username === undefined || password === undefined) return undefined;
  return { username: oneLine(username), password: oneLine(password) };
}

async function credentialsFrom(
  secret: { namespace: string; name: string },
  { entry, readSecret }: { entry: string; readSecret: ReadSecret },
): Promise<Credentials> {
  const data = await readSecret(secret.namespace, secret.name);
  const where = `secret ${describeKey(secret)}, for ${entry},`;
  if (!data) throw new RuneError("not_found", `${where} does not exist`, { hint: "cast it" });
  const found = credentialsIn(data);
  if (found) return found;
  throw new RuneError("not_found", `${where} has neither token nor username and password`, {
    hint: "add these keys",
  });
}

/** An entry as the API shows it. */
export function viewOfRegistry(
  match: string,
  source: RegistryView["source"],
  spec: RegistrySpec,
): RegistryView {
  const { credentials, secret } = spec;
  return { match, source, credentials, ...(secret && { secret: describeKey(secret) }) };
}

/** An entry of the runefile. */
function ofRunefile({ match, ...auth }: RunefileRegistry, readSecret: ReadSecret): RegistryEntry {
  const entry = `docker.registries "${match}"`;
  const { token, username, password } = auth;
  const secret = auth.secret === undefined ? undefined : parseNameRef(auth.secret, "default")!;
  return {
    match,
    entry,
    view: viewOfRegistry(
      match,
      "runefile",
      secret ? { credentials: "secret", secret } : { credentials: token === undefined ? "basic" : "token" },
    ),
    credentials: async () =>
      secret
        ? await credentialsFrom(secret, { entry, readSecret })
        : token === undefined
        ? { username: username!, password: password! }
        : { token },
  };
}

/** A stored entry. */
function ofStore(match: string, spec: RegistrySpec, readSecret: ReadSecret): RegistryEntry {
  const entry = `rune admin registry "${match}"`;
  const secret = spec.secret ?? { namespace: SEALED_NAMESPACE, name: match };
  return {
    match,
    entry,
    view: viewOfRegistry(match, "stored", spec),
    credentials: () => credentialsFrom(secret, { entry, readSecret }),
  };
}

/** All entries: stored ones first, which is what lets them win over a pattern of the same length in the runefile. */
export function listRegistries(
  { runefile, store, secrets }: {
    runefile: readonly RunefileRegistry[];
    store: Reader;
    secrets: SecretReader;
  },
): RegistryEntry[] {
  const readSecret = readSecretFrom(secrets);
  return [
    ...store.list("registry").map(({ name, spec }) => ofStore(name, spec, readSecret)),
    ...runefile.map((registry) => ofRunefile(registry, readSecret)),
  ];
}
