/**
 * Writes secrets. Encryption is asynchronous and transactions are not, so values are compared and encrypted
 * before the transaction, which then only checks that the secret was not written in the meantime.
 * @module
 */
import type { FieldChange } from "../../model/changes.ts";
import type { Declared } from "../../model/declared.ts";
import { type FieldIssue, RuneError } from "../../model/error.ts";
import { describeKey } from "../../model/resource.ts";
import type { SealedSecretSpec } from "../../model/sealed_secret.ts";
import type { SecretSpec } from "../../model/secret.ts";
import type { Vault } from "../../store/secrets/vault.ts";
import type { Store, Tx } from "../../store/store.ts";

/** Limits for the size of a secret. */
export interface SecretLimits {
  keys: number;
  valueBytes: number;
}

/** The default limits. */
export const SECRET_LIMITS: SecretLimits = { keys: 64, valueBytes: 64 * 1024 };

/** A declared secret, ready to be written. */
export interface PreparedSecret {
  spec: SecretSpec;
  /** The encrypted values; absent if they have not changed, and in a dry run. */
  sealed?: SealedSecretSpec;
  /** The data key of the version that the values were compared with. */
  basis?: string;
  /** The keys that were added, removed or changed; never values. */
  changes: FieldChange[];
}

/** By `<namespace>/<name>`. */
export type PreparedSecrets = ReadonlyMap<string, PreparedSecret>;

/** Thrown if a secret was written between its preparation and the transaction. */
export class StaleSecret extends Error {}

const HIDDEN = "(hidden)";

function dataChanges(before: Record<string, string>, after: Record<string, string>): FieldChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key): FieldChange[] => {
    const [had, has] = [before, after].map((data) => Object.hasOwn(data, key));
    if (had && has && before[key] === after[key]) return [];
    return [{
      path: `data.${key}`,
      ...(had && { from: HIDDEN }),
      ...(has && { to: had ? "(changed)" : HIDDEN }),
    }];
  });
}

/**
 * The current values; undefined if there are none, or if they cannot be decrypted. Then every declared value
 * counts as changed.
 */
async function current(vault: Vault, key: { namespace: string; name: string }) {
  try {
    return await vault.readSecret(key.namespace, key.name);
  } catch (error) {
    const code = error instanceof RuneError ? error.code : undefined;
    if (code === "not_found" || code === "failed_precondition") return undefined;
    throw error;
  }
}

/** Encrypts the changed secrets of a set. */
export async function prepareSecrets(
  set: Declared[],
  { store, vault, dryRun }: { store: Store; vault: Vault; dryRun: boolean },
): Promise<PreparedSecrets> {
  const prepared = new Map<string, PreparedSecret>();
  for (const declared of set) {
    if (declared.kind !== "secret") continue;
    const { namespace, name, spec: { data, type } } = declared;
    const stored = store.get("sealedSecret", namespace, name)?.spec;
    const before = stored && await current(vault, { namespace, name });
    const changes = dataChanges(before ?? {}, data);
    const isNew = before === undefined || changes.length > 0;
    const version = (stored?.version ?? 0) + (isNew ? 1 : 0);
    prepared.set(describeKey(declared), {
      spec: { ...(type !== undefined && { type }), keys: Object.keys(data).sort(), version },
      ...(isNew && !dryRun && { sealed: await vault.seal({ namespace, name, version }, data) }),
      ...(stored && { basis: stored.keyId }),
      changes,
    });
  }
  return prepared;
}

/** Destroys the keys of secrets that were prepared but not written. */
export async function discardSecrets(prepared: PreparedSecrets, vault: Vault): Promise<void> {
  for (const { sealed } of prepared.values()) if (sealed) await vault.discard(sealed);
}

/**
 * Writes the ciphertext of a secret.
 * @throws {StaleSecret} if another version was written in the meantime.
 */
export function writeSealed(
  tx: Tx,
  { namespace, name }: { namespace: string; name: string },
  { sealed, basis }: Pick<PreparedSecret, "sealed" | "basis">,
): void {
  const before = tx.get("sealedSecret", namespace, name);
  if (before?.spec.keyId !== basis) throw new StaleSecret();
  if (!sealed) return;
  if (before) tx.update(before, { spec: sealed });
  else tx.create({ kind: "sealedSecret", namespace, name, spec: sealed, status: {} });
}

/** Checks the size of a secret. The issues name keys, never values. */
export function checkSecretLimits(data: Record<string, string>, limits: SecretLimits): FieldIssue[] {
  const count = Object.keys(data).length;
  const issues: FieldIssue[] = [];
  if (count > limits.keys) {
    issues.push({ path: ["data"], message: `expected at most ${limits.keys} keys, found ${count}` });
  }
  for (const [key, value] of Object.entries(data)) {
    const bytes = new TextEncoder().encode(value).length;
    if (bytes <= limits.valueBytes) continue;
    issues.push({
      path: ["data", key],
      message: `expected a value of at most ${limits.valueBytes} bytes, found ${bytes}`,
      hint: "put large files on a volume",
    });
  }
  return issues;
}
