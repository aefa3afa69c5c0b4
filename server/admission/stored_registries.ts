/** Writes stored registries. Their credentials are encrypted like the values of a secret. @module */
import { RuneError } from "../../model/error.ts";
import { parseNameRef } from "../../model/name.ts";
import type { RegistryBody, RegistrySpec, RegistryView } from "../../model/registry.ts";
import { describeKey } from "../../model/resource.ts";
import { missingSecretError, type Vault } from "../../store/secrets/vault.ts";
import type { Reader, Store, Tx } from "../../store/store.ts";
import type { Permit } from "../auth/authority.ts";
import { credentialsIn, SEALED_NAMESPACE, viewOfRegistry } from "./registries.ts";
import { StaleSecret, writeSealed } from "./secret_writes.ts";

function specOf({ secret, token }: RegistryBody): RegistrySpec {
  if (secret !== undefined) return { credentials: "secret", secret: parseNameRef(secret, "default")! };
  return { credentials: token === undefined ? "basic" : "token" };
}

/**
 * Requires a secret with credentials, and the right to read it, since its values are sent to every registry
 * that matches.
 */
function requireSecret(
  state: Reader,
  place: { namespace: string; name: string },
  { match, permit }: { match: string; permit: Permit },
): void {
  permit({ resource: "secrets", verb: "get", namespace: place.namespace });
  const secret = state.get("secret", place.namespace, place.name);
  if (!secret) throw missingSecretError(place);
  if (credentialsIn(Object.fromEntries(secret.spec.keys.map((key) => [key, ""])))) return;
  const has = secret.spec.keys.join(", ") || "none";
  throw new RuneError(
    "failed_precondition",
    `secret ${describeKey(place)} has neither token nor username and password (it has: ${has})`,
    { hint: `add the keys that ${match} requires, then set the registry again` },
  );
}

function put(tx: Tx, name: string, spec: RegistrySpec): RegistryView {
  const before = tx.get("registry", "", name);
  if (before) tx.update<"registry">(before, { spec });
  else tx.create({ kind: "registry", namespace: "", name, spec, status: {} });
  return viewOfRegistry(name, "stored", spec);
}

function removeSealed(tx: Tx, name: string): void {
  const key = { kind: "sealedSecret", namespace: SEALED_NAMESPACE, name } as const;
  if (tx.get(key.kind, key.namespace, key.name)) tx.remove(key);
}

/**
 * Creates or replaces the entry of a pattern. All later pulls use it.
 *
 * @throws {RuneError} `permission_denied`; `not_found` or `failed_precondition` for a secret without
 * credentials.
 */
export async function setRegistry(
  body: RegistryBody,
  deps: { store: Store; secrets: Vault; permit: Permit },
): Promise<RegistryView> {
  const { store, secrets, permit } = deps;
  const { match: name, username, password, token } = body;
  const spec = specOf(body);
  if (spec.secret) {
    const { secret } = spec;
    return await store.transact((tx) => {
      requireSecret(tx, secret, { match: name, permit });
      removeSealed(tx, name);
      return put(tx, name, spec);
    });
  }
  const before = store.get("sealedSecret", SEALED_NAMESPACE, name)?.spec;
  const place = { namespace: SEALED_NAMESPACE, name };
  const data: Record<string, string> = token === undefined
    ? { username: username!, password: password! }
    : { token };
  const sealed = await secrets.seal({ ...place, version: (before?.version ?? 0) + 1 }, data);
  try {
    return await store.transact((tx) => {
      writeSealed(tx, place, { sealed, ...(before && { basis: before.keyId }) });
      return put(tx, name, spec);
    });
  } catch (error) {
    // If the outcome of the commit is unknown, the key stays. The next start removes it if it is unused.
    const undecided = error instanceof RuneError && error.code === "unavailable";
    if (!undecided) await secrets.discard(sealed);
    if (error instanceof StaleSecret) return await setRegistry(body, deps);
    throw error;
  }
}

/** Removes the stored entry of a pattern. @throws {RuneError} `not_found`. */
export function deleteRegistry(tx: Tx, name: string): RegistryView {
  const registry = tx.get("registry", "", name);
  if (!registry) {
    throw new RuneError("not_found", `there is no stored registry "${name}"`, {
      hint: "see rune admin registry list; change entries of the runefile in the runefile",
    });
  }
  tx.remove(registry);
  removeSealed(tx, name);
  return viewOfRegistry(name, "stored", registry.spec);
}
