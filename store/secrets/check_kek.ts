/**
 * Whether a key encryption key opens a state: the one that a backup is made of, or one that a restore just
 * unpacked.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { Store } from "../contract.ts";
import { wrappingKeks } from "./data_keys.ts";
import type { Kek } from "./kek.ts";
import { KEK_META } from "./open_kek.ts";

/** What of a state is read for it. */
export type SealedState = Pick<Store, "getMeta" | "metaKeys">;

/** Ids of the keys that it takes to open a state; none for one that never had any. */
export async function neededKeks(state: SealedState): Promise<Set<string>> {
  const inForce = await state.getMeta(KEK_META) as string | undefined;
  const needed = await wrappingKeks(state);
  return inForce === undefined ? needed : needed.add(inForce);
}

/**
 * Makes sure that a key is the one in force in a state, and that every data key there is wrapped by it. An id
 * is a digest of its key, so that equal ids are equal keys.
 *
 * @param kek where its id is enough.
 * @throws {RuneError} `failed_precondition`.
 */
export async function checkKek(state: SealedState, kek: Pick<Kek, "id">): Promise<void> {
  const others = [...await neededKeks(state)].filter((id) => id !== kek.id);
  if (others.length === 0) return;
  throw new RuneError(
    "failed_precondition",
    "the key encryption key does not open every secret of this state",
    {
      hint: `its secrets are sealed with ${others.join(" and ")}; this key is ${kek.id}`,
    },
  );
}
