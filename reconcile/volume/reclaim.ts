/**
 * Removes a volume that is being deleted. A volume without a handle may have data too: its driver was asked
 * to create it, and the answer got lost. So whoever was asked to create it is asked to delete it.
 * @module
 */
import type { DeleteOptions } from "../../drivers/driver.ts";
import { RuneError, toRuneError } from "../../model/error.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Volume } from "../../model/volume.ts";
import type { Node } from "../../node/node.ts";
import type { VolumeCall } from "../../node/volume_call.ts";
import type { Store } from "../../store/store.ts";
import { recordEvent } from "../events.ts";
import { DONE, type Outcome } from "../outcome.ts";
import type { VolumeView } from "./plan.ts";
import { findSame, makeHappening, write } from "./record.ts";

/**
 * Removes the row of a volume.
 *
 * @param deleteData whether its driver removes the data first.
 */
export async function reclaim(
  deleteData: boolean,
  { view, store, node, ctx }: { view: VolumeView; store: Store; node: Node; ctx: VolumeCall },
): Promise<Outcome> {
  const { volume } = view;
  const { handle } = volume.status;
  try {
    if (handle !== undefined || deleteData && mayBeProvisioned(volume)) {
      const name = volume.status.driver ?? volume.status.provisioningDriver ?? view.class?.spec.driver;
      const driver = node.drivers.get(name ?? "");
      if (!driver && deleteData) throw new RuneError("unavailable", `this daemon has no driver "${name}"`);
      await driver?.detach(ctx);
      if (deleteData) await driver!.delete(ctx, deletionOf(volume));
    }
  } catch (thrown) {
    const error = toRuneError(thrown);
    const { hint: failureHint } = error;
    const failureMessage = handle === undefined
      ? `it may have been created, and looking for it failed: ${error.message}`
      : error.message;
    const event = makeHappening(volume, "Warning", "ReclaimFailed", failureMessage);
    await write({ store }, volume, ({ failureHint: _, ...status }) => ({
      ...status,
      state: "Deleting",
      failureMessage,
      ...(failureHint !== undefined && { failureHint }),
    }), event);
    return { type: "failed", error };
  }
  await store.transact((tx) => {
    const current = findSame(tx, volume);
    if (!current) return;
    const kept = `its data is kept at ${volume.status.handle}`;
    if (!deleteData && volume.status.handle !== undefined) {
      recordEvent(tx, makeHappening(volume, "Normal", "Retained", kept));
    }
    tx.remove(current);
  });
  return DONE;
}

/** Whether there may be data of a volume that has no handle. */
function mayBeProvisioned({ status: { provisioningDriver, mayHoldData, state } }: Volume): boolean {
  // Earlier versions recorded no driver.
  return provisioningDriver !== undefined || mayHoldData === true || state === "Provisioning";
}

/** The driver's delete options: what a later undelete needs, and whether to delete for good at once. */
function deletionOf({ spec, labels, status: { ownerService }, annotations }: Volume): DeleteOptions {
  return {
    now: annotations[ANNOTATIONS.deleteNow] !== undefined,
    record: { spec, labels, ...(ownerService !== undefined && { ownerService }) },
  };
}
