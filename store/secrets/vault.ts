/**
 * The vault: stores the values of secrets as ciphertext, and decrypts them for code inside the daemon. Each
 * version of a secret has its own data key, wrapped by the KEK. The ciphertext is bound to namespace, name
 * and version. When a version is replaced or its secret deleted, the vault destroys its data key, so no copy
 * of the ciphertext, in the journal or elsewhere, can be read again.
 * @module
 */
import { KeyedLock } from "../../base/keyed_lock.ts";
import { RuneError } from "../../model/error.ts";
import { describeKey } from "../../model/kinds.ts";
import type { SealedSecretSpec } from "../../model/sealed_secret.ts";
import type { Store } from "../contract.ts";
import { type DataKeys, type Keyring, openDataKeys } from "./data_keys.ts";
import { open, seal } from "./envelope.ts";
import { type Kek, type KekSource, readKekFile } from "./kek.ts";
import { openKek } from "./open_kek.ts";
import { finishCompaction, nextKek, rotateKek } from "./rotation.ts";

/** Reads secrets; most of the daemon needs no more. */
export interface SecretReader {
  /**
   * The values of a secret, by key. Never log, store or return them.
   *
   * @throws {RuneError} `not_found`, or `failed_precondition` if the stored data was altered or moved.
   */
  readSecret(namespace: string, name: string): Promise<Record<string, string>>;
}

/** One version of one secret. */
export interface SecretVersion {
  namespace: string;
  name: string;
  version: number;
}

/** The current KEK, while nothing can change it. */
export interface StableKek {
  kek: Kek;
  /**
   * The content of its file.
   *
   * @throws {RuneError} `failed_precondition` if the KEK comes from the environment, or if the file is gone
   * or holds another key.
   */
  readFile(): Promise<string>;
}

/** See the module comment. */
export interface Vault extends SecretReader {
  /** Encrypts a version. Its data key is durable; the caller commits or discards the ciphertext. */
  seal(place: SecretVersion, data: Record<string, string>): Promise<SealedSecretSpec>;
  /** Destroys the data key of a version that was not committed. */
  discard(sealed: SealedSecretSpec): Promise<void>;
  /**
   * Runs `work` while nothing else creates, wraps or destroys data keys or rotates the KEK, so that a copy of
   * the state matches the key.
   *
   * @throws {RuneError} `failed_precondition` if a rotation failed half-way, because then no single key opens
   * everything.
   */
  hold<T>(work: (held: StableKek) => Promise<T>): Promise<T>;
  /**
   * Replaces the KEK and rewraps every data key, while secrets remain readable and writable.
   *
   * @throws {RuneError} `failed_precondition` if the KEK comes from the environment.
   */
  rotate(): Promise<{ rewrapped: number }>;
  /** Resolves when no destruction of keys is in progress. */
  close(): Promise<void>;
}

const contextOf = ({ namespace, name, version }: SecretVersion, keyId: string) => [
  "rune secret",
  namespace,
  name,
  String(version),
  keyId,
];

/**
 * Opens the vault of a store and finishes an interrupted rotation.
 *
 * @throws {RuneError} `failed_precondition` if the KEK is missing, wrong or unreadable.
 */
export async function openVault(store: Store, source: KekSource): Promise<Vault> {
  const keys = openDataKeys(store);
  const opened = await openKek(store, source, { hasKeys: (await keys.ids()).length > 0 });
  const lock = new KeyedLock();
  /** One at a time: what wraps keys and what rotates must not overlap. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => lock.run(["keys"], { work });
  let kek = opened.kek;
  let keyring: Keyring = new Map([[kek.id, kek]]);
  const rotateTo = async (next: Kek) => {
    // From here on both KEKs are in use, even if this fails half-way. New data keys are wrapped by the next
    // KEK at once: it is on disk and will not be replaced by this rotation.
    keyring = new Map([...keyring, [next.id, next]]);
    kek = next;
    const rewrapped = await rotateKek({ store, keys, source }, { from: keyring, to: next });
    keyring = new Map([[next.id, next]]);
    return { rewrapped };
  };
  if (opened.next) await rotateTo(opened.next);
  await finishCompaction(store);
  await removeOrphans(store, keys);

  const unsubscribe = store.subscribe((changes) => {
    for (const { type, resource, previous } of changes) {
      const before = type === "delete" ? resource : previous;
      if (before?.kind !== "sealedSecret") continue;
      const replaced = type === "delete" ||
        resource.kind === "sealedSecret" && resource.spec.keyId !== before.spec.keyId;
      // If this fails, for example because the disk is full, the next start finds the key again.
      if (replaced) inTurn(() => keys.remove(before.spec.keyId)).catch(() => {});
    }
  });

  return {
    async readSecret(namespace, name) {
      for (;;) {
        const sealed = store.get("sealedSecret", namespace, name);
        if (!sealed) throw missingSecretError({ namespace, name });
        const { version, keyId } = sealed.spec;
        const ring = keyring;
        try {
          const key = await keys.get(keyId, ring);
          const plain = await open(key, sealed.spec, contextOf({ namespace, name, version }, keyId));
          return JSON.parse(new TextDecoder().decode(plain));
        } catch (cause) {
          // The version or the KEK was replaced between the two reads: read again.
          const now = store.get("sealedSecret", namespace, name);
          if (now?.spec.keyId !== keyId || ring !== keyring) continue;
          if (cause instanceof RuneError && cause.code === "unavailable") throw cause;
          throw unreadableError({ namespace, name, version }, cause);
        }
      }
    },
    seal: (place, data) =>
      inTurn(async () => {
        const { id: keyId, key } = await keys.create(kek);
        const plain = new TextEncoder().encode(JSON.stringify(data));
        return { version: place.version, keyId, ...await seal(key, plain, contextOf(place, keyId)) };
      }),
    discard: ({ keyId }) => inTurn(() => keys.remove(keyId)),
    hold: (work) =>
      inTurn(async () => {
        if (keyring.size > 1) throw unfinishedRotation();
        return await work({ kek, readFile: async () => await readHeld(source, kek) });
      }),
    rotate: () => inTurn(async () => await rotateTo(await nextKek(source))),
    async close() {
      unsubscribe();
      await lock.waitForIdle();
    },
  };
}

/** Removes data keys of versions that were never committed, or whose destruction a crash prevented. */
async function removeOrphans(store: Store, keys: DataKeys): Promise<void> {
  const used = new Set(store.list("sealedSecret").map((s) => s.spec.keyId));
  for (const id of await keys.ids()) if (!used.has(id)) await keys.remove(id);
}

async function readHeld(source: KekSource, kek: Kek): Promise<string> {
  if (source.from === "env") {
    throw new RuneError(
      "failed_precondition",
      `the key encryption key comes from the variable ${source.variable}, so no backup can include it`,
      { hint: "leave out --with-kek (withKek), and keep the key where the variable gets it from" },
    );
  }
  const file = await readKekFile(source.path);
  if (file?.id === kek.id) return file.text;
  throw new RuneError(
    "failed_precondition",
    file ? `the key file ${source.path} is not the key in force` : `there is no key file ${source.path}`,
    { hint: "put the right key back before the daemon stops: it cannot start without it" },
  );
}

function unfinishedRotation(): RuneError {
  return new RuneError(
    "failed_precondition",
    "a rotation of the key encryption key failed half-way: two keys are in use",
    { hint: "finish it first: rune admin rotate-kek" },
  );
}

/** The error for a missing secret, with its exact name. */
export function missingSecretError(place: { namespace: string; name: string }): RuneError {
  return new RuneError("not_found", `there is no secret ${describeKey(place)}`, {
    hint: `create it: rune create secret ${place.name} -n ${place.namespace} --from-literal <key>=<value>`,
  });
}

function unreadableError(place: SecretVersion, cause: unknown): RuneError {
  const what = `secret ${describeKey(place)}, version ${place.version},`;
  return new RuneError("failed_precondition", `${what} cannot be decrypted: it was altered or moved`, {
    hint: "cast the secret again, or restore the data directory from a backup",
    cause,
  });
}
