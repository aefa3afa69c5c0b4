/** Volumes that begin with the data of something else: a snapshot, an image. @module */
import type { NodeDriver } from "../../node/driver_calls.ts";
import type { VolumeCall } from "../../node/volume_context.ts";
import type { Runner } from "../../runners/runner.ts";
import { RuneError } from "../../model/error.ts";
import type { ImageContent } from "../../model/image_volume.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Volume } from "../../model/volume.ts";
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
  driver: NodeDriver,
  { ctx, snapshot }: { ctx: VolumeCall; snapshot: Snapshot | undefined },
): Promise<{ handle: string; adopted: boolean }> {
  return snapshot ? driver.restore(ctx, refOf(snapshot)) : driver.provision(ctx);
}

/** Makes a volume with what an image has at a path, as the Engine fills a volume of its own; what is in its place is kept. */
export async function makeFromImage(
  driver: NodeDriver,
  { content, runner, ctx }: { content: ImageContent; runner: Runner | undefined; ctx: VolumeCall },
): Promise<{ handle: string; adopted: boolean }> {
  if (!runner?.readImage || !driver.importData) {
    throw new RuneError("failed_precondition", `no runner can read the image ${content.image}`);
  }
  const data = await runner.readImage(content, ctx.signal);
  try {
    return { ...await driver.importData(ctx, data), adopted: false };
  } catch (error) {
    await data.cancel().catch(() => {});
    // Its row was lost, and its data was not: a restored backup, a volume root that was kept.
    if (!(error instanceof RuneError) || error.code !== "already_exists") throw error;
    return await driver.provision(ctx);
  }
}
