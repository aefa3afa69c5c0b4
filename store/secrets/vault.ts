/**
 * The vault: keeps the values of secrets as ciphertext and gives them back in plain to whoever is inside the
 * daemon. Each version of a secret has a data key of its own, wrapped by the KEK; ciphertext is bound to
 * namespace, name and version. When a version is replaced or its secret deleted its data key is destroyed,
 * and no copy of the ciphertext, in the journal or elsewhere, can be read again.
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

/** Reads secrets; all that most of the daemon needs. */
export interface SecretReader {
  /**
   * The values of a secret, by key. Never log, store or return them.
   *
   * @throws {RuneError} `not_found`; `failed_precondition` when what is stored was altered or moved.
   */
  readSecret(namespace: string, name: string): Promise<Record<string, string>>;
}

/** One version of one secret. */
export interface SecretVersion {
  namespace: string;
  name: string;
  version: number;
}

/** The KEK in force while nothing can change it. */
export interface HeldKek {
  kek: Kek;
  /**
   * What its file holds.
   *
   * @throws {RuneError} `failed_precondition` when it comes from the environment, or the file is gone or
   * another.
   */
  readFile(): Promise<string>;
}

/** See the module comment. */
export interface Vault extends SecretReader {
  /**
   * Encrypts a version; its data key is durable, the ciphertext is for the caller to commit, or to discard.
   */
  seal(place: SecretVersion, data: Record<string, string>): Promise<SealedSecretSpec>;
  /** Destroys the data key of a version that was not committed. */
  discard(sealed: SealedSecretSpec): Promise<void>;
  /**
   * Does something while nothing else makes, wraps or destroys a data key, nor rotates the KEK: what it
   * copies of the state and what it learns of the key belong together.
   *
   * @throws {RuneError} `failed_precondition` when a rotation failed half-way: then there is no one key that
   * opens everything.
   */
  hold<T>(work: (held: HeldKek) => Promise<T>): Promise<T>;
  /**
   * Replaces the KEK: every data key is wrapped anew, while secrets go on being read and written.
   *
   * @throws {RuneError} `failed_precondition` when the KEK comes from the environment.
   */
  rotate(): Promise<{ rewrapped: number }>;
  /** Resolves when no destruction of keys is under way. */
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
 * Opens the vault of a store, finishing a rotation that was cut short.
 *
 * @throws {RuneError} `failed_precondition` when the KEK is missing, another one, or cannot be read.
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
    // Both from here on, also when this fails half-way: some data keys are wrapped by the one, some by the
    // other. New ones are wrapped by the next at once: it is on disk, and never again the one to be replaced.
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
      // What fails here, for want of disk say, is found again at the next start.
      if (replaced) inTurn(() => keys.remove(before.spec.keyId)).catch(() => {});
    }
  });

  return {
    async readSecret(namespace, name) {
      for (;;) {
        const sealed = store.get("sealedSecret", namespace, name);
        if (!sealed) throw noSecret({ namespace, name });
        const { version, keyId } = sealed.spec;
        const ring = keyring;
        try {
          const key = await keys.get(keyId, ring);
          const plain = await open(key, sealed.spec, contextOf({ namespace, name, version }, keyId));
          return JSON.parse(new TextDecoder().decode(plain));
        } catch (cause) {
          // A version or a KEK that was replaced between two steps: there is a newer truth to read.
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

/** Data keys of versions that were never committed, or whose destruction a crash prevented. */
async function removeOrphans(store: Store, keys: DataKeys): Promise<void> {
  const used = new Set(store.list("sealedSecret").map((s) => s.spec.keyId));
  for (const id of await keys.ids()) if (!used.has(id)) await keys.remove(id);
}

async function readHeld(source: KekSource, kek: Kek): Promise<string> {
  if (source.from === "env") {
    throw new RuneError(
      "failed_precondition",
      `the key encryption key comes from the variable ${source.variable}, so no backup can hold it`,
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

/** That there is no such secret, by its exact name. */
export function noSecret(place: { namespace: string; name: string }): RuneError {
  return new RuneError("not_found", `there is no secret ${describeKey(place)}`, {
    hint: `make it: rune create secret ${place.name} -n ${place.namespace} --from-literal <key>=<value>`,
  });
}

function unreadableError(place: SecretVersion, cause: unknown): RuneError {
  const what = `secret ${describeKey(place)}, version ${place.version},`;
  return new RuneError("failed_precondition", `${what} cannot be decrypted: it was altered or moved`, {
    hint: "cast the secret again, or restore the data directory from a backup",
    cause,
  });
}
