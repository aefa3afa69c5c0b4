/** Volumes that begin with a snapshot's data. @module */
import type { Driver, VolumeContext } from "../../drivers/driver.ts";
import type { Snapshot } from "../../spec/snapshot.ts";
import type { Volume } from "../../spec/volume.ts";
import { refOf } from "../snapshot/apply.ts";

/** Why a volume cannot be made from its snapshot now, and what to do; undefined when it can, and for one without a source. */
export function sourceProblem(
  { spec: { source } }: Volume,
  { snapshot, driver }: { snapshot: Snapshot | undefined; driver: string },
): { message: string; hint: string } | undefined {
  if (!source) return undefined;
  const key = `${source.namespace}/${source.snapshot}`;
  if (!snapshot || snapshot.deletionRequestedAt !== undefined) {
    return {
      message: `snapshot ${key}, from which it is to be made, does not exist`,
      hint: "delete this volume, and restore another snapshot",
    };
  }
  const { state, failureMessage } = snapshot.status;
  if (state !== "Ready") {
    const reason = failureMessage === undefined ? "" : `: ${failureMessage}`;
    return {
      message: `waits for snapshot ${key}, which is ${state}${reason}`,
      hint: `rune describe snapshot ${source.snapshot} -n ${source.namespace}`,
    };
  }
  if (snapshot.status.driver === driver) return undefined;
  return {
    message: `snapshot ${key} was made by the driver ${snapshot.status.driver}, its class uses ${driver}`,
    hint: "delete this volume, and restore with a class of that driver",
  };
}

/** Makes a volume: empty, or with a snapshot's data. */
export function make(
  driver: Driver,
  { ctx, snapshot }: { ctx: VolumeContext; snapshot: Snapshot | undefined },
): Promise<{ handle: string; adopted: boolean }> {
  return snapshot ? driver.restore(ctx, refOf(snapshot)) : driver.provision(ctx);
}
