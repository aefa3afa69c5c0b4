/**
 * Checks that a key encryption key opens a state: before a backup, and after a restore unpacked one.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { Store } from "../contract.ts";
import { wrappingKeks } from "./data_keys.ts";
import type { Kek } from "./kek.ts";
import { KEK_META } from "./open_kek.ts";

/** The part of a state that the check reads. */
export type SealedState = Pick<Store, "getMeta" | "metaKeys">;

/** Ids of the keys that are needed to open a state; empty for a state that never had a key. */
export async function neededKeks(state: SealedState): Promise<Set<string>> {
  const inForce = await state.getMeta(KEK_META) as string | undefined;
  const needed = await wrappingKeks(state);
  return inForce === undefined ? needed : needed.add(inForce);
}

/**
 * Checks that a key is the current one of a state and wraps every data key there. An id is a digest of its
 * key, so equal ids mean equal keys.
 *
 * @param kek its id is enough.
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
