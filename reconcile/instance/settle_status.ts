/**
 * Stores an instance's planned status. If the store fails, the status is kept in memory for API requests.
 * @module
 */
import type { Instance } from "../../model/instance.ts";
import type { Store } from "../../store/store.ts";
import type { Unstored } from "./unstored.ts";
import { settle } from "./write_status.ts";
import type { InstanceStep } from "./view.ts";

/** Like {@linkcode settle}, but keeps the status in memory if the write fails. */
export async function settleKnown(
  { store, unstored }: { store: Store; unstored?: Unstored },
  settling: { instance: Instance; step: Extract<InstanceStep, { do: "settle" }> },
): Promise<boolean> {
  const { instance: { uid }, step } = settling;
  try {
    const settled = await settle(store, settling);
    unstored?.forget(uid);
    return settled;
  } catch (error) {
    unstored?.keep(uid, step.status);
    throw error;
  }
}
