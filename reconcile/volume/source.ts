/** Volumes created with the data of a snapshot or an image. @module */
import type { DataSource } from "../../drivers/driver.ts";
import type { NodeDriver } from "../../node/node_driver.ts";
import type { VolumeCall } from "../../node/volume_call.ts";
import type { NodeRunner } from "../../node/node_runner.ts";
import { RuneError } from "../../model/error.ts";
import { type ImageContent, parseImageContent } from "../../model/image_volume.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Volume } from "../../model/volume.ts";
import { readVolumeSource } from "../../model/volume_source.ts";
import { refOf } from "../snapshot/apply.ts";

/**
 * Why a volume cannot be restored from its snapshot now, and what to do. Undefined if it can, or if it has no
 * source.
 */
export function sourceProblem(
  volume: Volume,
  { snapshot, driver }: { snapshot: Snapshot | undefined; driver: string },
): { message: string; hint: string } | undefined {
  const source = readVolumeSource(volume);
  if (!source) return undefined;
  const key = `${source.namespace}/${source.name}`;
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
      hint: `rune describe snapshot ${source.name} -n ${source.namespace}`,
    };
  }
  if (snapshot.status.driver === driver) return undefined;
  return {
    message: `snapshot ${key} was made by the driver ${snapshot.status.driver}, its class uses ${driver}`,
    hint: "delete this volume, and restore with a class of that driver",
  };
}

/** The source of a volume's data; undefined for an empty volume. A castfile can only name a snapshot. */
function findSource({ annotations }: Volume, snapshot: Snapshot | undefined): DataSource | undefined {
  const id = annotations[ANNOTATIONS.undeleteFrom];
  if (id !== undefined) return { from: "trash", id };
  return snapshot && { from: "snapshot", snapshot: refOf(snapshot) };
}

const CANNOT: Record<DataSource["from"], string> = {
  snapshot: "restores no snapshots",
  trash: "has no trash",
  archive: "takes no archives",
};

function requireSource({ name, capabilities }: NodeDriver, from: DataSource["from"]): void {
  if (capabilities.sources.includes(from)) return;
  throw new RuneError("failed_precondition", `the driver ${name} ${CANNOT[from]}`);
}

/** The inputs for creating a volume. */
export interface Making {
  volume: Volume;
  /** The snapshot that the volume's source names, if any. */
  snapshot: Snapshot | undefined;
  /** The runner that reads images. */
  runner: NodeRunner | undefined;
  ctx: VolumeCall;
}

/** Creates a volume with its data, never an empty one instead. */
export async function makeVolume(
  driver: NodeDriver,
  { volume, snapshot, runner, ctx }: Making,
): Promise<{ handle: string; adopted: boolean }> {
  const content = parseImageContent(volume.annotations[ANNOTATIONS.imageContent]);
  if (content) return await makeFromImage(driver, { content, runner, ctx });
  const source = findSource(volume, snapshot);
  if (!source) return await driver.provision(ctx);
  requireSource(driver, source.from);
  return await driver.materialize(ctx, source);
}

/**
 * Creates a volume with an image's content at a path, as the Engine fills its own volumes. Existing data is
 * kept.
 */
async function makeFromImage(
  driver: NodeDriver,
  { content, runner, ctx }: { content: ImageContent; runner: NodeRunner | undefined; ctx: VolumeCall },
): Promise<{ handle: string; adopted: boolean }> {
  if (!runner?.readImage) {
    throw new RuneError("failed_precondition", `no runner can read the image ${content.image}`);
  }
  requireSource(driver, "archive");
  const data = await runner.readImage(content, ctx.signal);
  try {
    return await driver.materialize(ctx, { from: "archive", data });
  } catch (error) {
    await data.cancel().catch(() => {});
    // The row was lost but the data was kept, for example after a restored backup.
    if (!(error instanceof RuneError) || error.code !== "already_exists") throw error;
    return await driver.provision(ctx);
  }
}
