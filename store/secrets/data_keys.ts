/**
 * Data keys: one for each version of each secret, wrapped by the KEK. The store keeps them outside the
 * journal and the history, so that removing or rewrapping a key leaves no old copy.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { Store } from "../contract.ts";
import { type Box, importKey, open, randomKey, seal } from "./envelope.ts";
import type { Kek } from "./kek.ts";

const PREFIX = "data-key/";

/** KEKs by id: one, or two during a rotation. */
export type Keyring = ReadonlyMap<string, Kek>;

interface Wrapped extends Box {
  /** The id of the KEK. */
  kek: string;
}

const contextOf = (id: string) => ["rune data key", id];

/** See the module comment. */
export interface DataKeys {
  /** Creates a key. It is durable when this resolves. */
  create(kek: Kek): Promise<{ id: string; key: CryptoKey }>;
  /** @throws {RuneError} `failed_precondition` if it is gone, or if none of these KEKs wraps it. */
  get(id: string, keks: Keyring): Promise<CryptoKey>;
  /** Removes a key. Does nothing if it is already gone. */
  remove(id: string): Promise<void>;
  /** The ids of all keys. */
  ids(): Promise<string[]>;
  /** Wraps a key with another KEK. Returns false if that is already done, or if the key is gone. */
  rewrap(id: string, keks: { from: Keyring; to: Kek }): Promise<boolean>;
}

/** Ids of the KEKs that wrap the data keys of a state: one, or two during a rotation. */
export async function wrappingKeks(state: Pick<Store, "getMeta" | "metaKeys">): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const key of await state.metaKeys(PREFIX)) {
    const wrapped = await state.getMeta(key) as Wrapped | undefined;
    if (wrapped) ids.add(wrapped.kek);
  }
  return ids;
}

/** Opens the data keys of a store. */
export function openDataKeys(store: Store): DataKeys {
  const read = async (id: string) => await store.getMeta(PREFIX + id) as Wrapped | undefined;
  const unwrap = async (id: string, wrapped: Wrapped, keks: Keyring) => {
    try {
      const kek = keks.get(wrapped.kek);
      if (!kek) throw new Error(`there is no key encryption key ${wrapped.kek}`);
      return await open(kek.key, wrapped, contextOf(id));
    } catch (cause) {
      throw new RuneError(
        "failed_precondition",
        `the data key ${id} was altered, or wrapped by another key`,
        {
          hint: "cast the secret again, or restore the data directory from a backup",
          cause,
        },
      );
    }
  };
  const write = async (id: string, raw: Uint8Array<ArrayBuffer>, kek: Kek) =>
    await store.putMeta(PREFIX + id, { ...await seal(kek.key, raw, contextOf(id)), kek: kek.id });
  return {
    async create(kek) {
      const id = crypto.randomUUID();
      const raw = randomKey();
      await write(id, raw, kek);
      return { id, key: await importKey(raw) };
    },
    async get(id, keks) {
      const wrapped = await read(id);
      if (wrapped) return await importKey(await unwrap(id, wrapped, keks));
      throw new RuneError("failed_precondition", `the data key ${id} is gone`, {
        hint: "cast the secret again, or restore the data directory from a backup",
      });
    },
    remove: (id) => store.putMeta(PREFIX + id, undefined),
    async ids() {
      return (await store.metaKeys(PREFIX)).map((key) => key.slice(PREFIX.length));
    },
    async rewrap(id, { from, to }) {
      const wrapped = await read(id);
      if (!wrapped || wrapped.kek === to.id) return false;
      await write(id, await unwrap(id, wrapped, from), to);
      return true;
    },
  };
}
