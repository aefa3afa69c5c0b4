/**
 * Data keys: one for each version of each secret, wrapped by the KEK. They lie in the store beside the
 * resources, never in the journal or the history: once a wrapped key is removed or wrapped anew, what was
 * there before is gone.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { Store } from "../contract.ts";
import { type Box, importKey, open, randomKey, seal } from "./envelope.ts";
import type { Kek } from "./kek.ts";

const PREFIX = "data-key/";

/** KEKs by id: one, or two while a rotation is under way. */
export type Keyring = ReadonlyMap<string, Kek>;

interface Wrapped extends Box {
  /** Id of the KEK. */
  kek: string;
}

const contextOf = (id: string) => ["rune data key", id];

/** See the module comment. */
export interface DataKeys {
  /** Makes a key; it is durable when this resolves. */
  create(kek: Kek): Promise<{ id: string; key: CryptoKey }>;
  /** @throws {RuneError} `failed_precondition` when it is gone, or wrapped by none of these KEKs. */
  get(id: string, keks: Keyring): Promise<CryptoKey>;
  /** Done when it is gone already. */
  remove(id: string): Promise<void>;
  /** Ids of all keys. */
  ids(): Promise<string[]>;
  /** Wraps a key with another KEK; false when that has been done, or the key is gone. */
  rewrap(id: string, keks: { from: Keyring; to: Kek }): Promise<boolean>;
}

/**
 * Ids of the KEKs that the data keys of a state are wrapped by: one, or two while a rotation is under way.
 */
export async function wrappingKeks(state: Pick<Store, "getMeta" | "metaKeys">): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const key of await state.metaKeys(PREFIX)) {
    const wrapped = await state.getMeta(key) as Wrapped | undefined;
    if (wrapped) ids.add(wrapped.kek);
  }
  return ids;
}

/** The data keys of a store. */
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
