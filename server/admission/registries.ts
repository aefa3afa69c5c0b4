/**
 * The credentials of each registry. They come from the runefile's `docker.registries` and from the store, and
 * are read anew for each pull.
 * @module
 */
import { z } from "zod";
import { type ReadSecret, readSecretFrom } from "../../reconcile/config/data.ts";
import { RuneError } from "../../model/error.ts";
import { argumentText } from "../../model/bounded.ts";
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

/**
 * A registry of the runefile, with credentials or the name of a secret with the keys `username` and
 * `password`, or `token`.
 */
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

/** Credentials of a registry. */
export interface Credentials {
  username?: string;
  password?: string;
  token?: string;
}

/** A registry that pulls use. */
export interface RegistryEntry {
  match: string;
  /** Its name in messages: `docker.registries "ghcr.io"`. */
  entry: string;
  /** The entry without credentials. */
  view: RegistryView;
  /**
   * Reads its current credentials.
   *
   * @throws {RuneError} `not_found` (not permanent) if the secret or a key of it is missing.
   */
  credentials(): Promise<Credentials>;
}

/**
 * The namespace of sealed credentials of stored entries; their name is the pattern. No secret of a user can
 * have this namespace.
 */
export const SEALED_NAMESPACE = "";

/**
 * Credentials contain no control characters (RFC 7617, section 2), so a line end at the end of a value comes
 * from a file.
 */
const oneLine = (text: string) => text.replace(/\r?\n$/, "");

/** Reads credentials from the values of a secret; undefined if they are incomplete. */
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

/** The entry of a registry in the runefile. */
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

/** The entry of a stored registry. */
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

/** Lists all entries. Stored ones come first, so they win over a runefile pattern of the same length. */
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
