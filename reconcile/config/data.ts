/**
 * Reads the values of configmaps and secrets, and finds those that a template needs but are missing. Code
 * that needs a value reads it through {@linkcode ReadData}; no other code keeps values.
 * @module
 */
import {
  type DataKey,
  type DataKind,
  type DataTemplate,
  dataUses,
  describeData,
} from "../../model/data_uses.ts";
import { RuneError } from "../../model/error.ts";
import type { SecretReader } from "../../store/secrets/vault.ts";
import type { Reader } from "../../store/store.ts";

/** Reads all keys of one resource; undefined if it does not exist. */
export type ReadData = (
  kind: DataKind,
  namespace: string,
  name: string,
) => Promise<Record<string, string> | undefined>;

/** Reads the values of a secret; undefined if it does not exist. */
export type ReadSecret = (namespace: string, name: string) => Promise<Record<string, string> | undefined>;

/** Wraps a reader that throws for a missing secret, so that it returns undefined instead. */
export function readSecretFrom(secrets: SecretReader): ReadSecret {
  return async (namespace, name) => {
    try {
      return await secrets.readSecret(namespace, name);
    } catch (error) {
      if (error instanceof RuneError && error.code === "not_found") return undefined;
      throw error;
    }
  };
}

/** Creates a reader over a store and its secrets. */
export function readDataFrom(store: Reader, readSecret: ReadSecret): ReadData {
  return async (kind, namespace, name) =>
    kind === "configmap"
      ? store.get("configmap", namespace, name)?.spec.data
      : await readSecret(namespace, name);
}

/** The keys of a configmap or secret, without its values; undefined if it does not exist. */
function keysOf(store: Reader, { kind, namespace, name }: DataKey): string[] | undefined {
  if (kind === "secret") return store.get("secret", namespace, name)?.spec.keys;
  const data = store.get("configmap", namespace, name)?.spec.data;
  return data && Object.keys(data);
}

/** How many missing items, or existing keys, a message lists. */
const MAX_LISTED = 8;

const listKeys = (keys: string[]) =>
  keys.length === 0
    ? "none"
    : keys.slice(0, MAX_LISTED).join(", ") + (keys.length > MAX_LISTED ? " and more" : "");

/**
 * A sentence that names what a template needs but is missing, and what to do. Undefined if nothing is
 * missing.
 */
export function missingData(store: Reader, template: DataTemplate, namespace: string): string | undefined {
  const missing: string[] = [];
  for (const use of dataUses(template, namespace)) {
    const keys = keysOf(store, use);
    if (!keys) {
      missing.push(`${describeData(use)} does not exist; cast it`);
      continue;
    }
    for (const key of use.keys ?? []) {
      if (keys.includes(key)) continue;
      missing.push(`${describeData(use)} has no key "${key}" (it has: ${listKeys(keys)}); add it`);
    }
  }
  const distinct = [...new Set(missing)];
  const more = distinct.length > MAX_LISTED ? `; and ${distinct.length - MAX_LISTED} more` : "";
  return missing.length === 0 ? undefined : distinct.slice(0, MAX_LISTED).join("; ") + more;
}
