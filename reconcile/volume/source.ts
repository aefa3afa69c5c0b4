/** Volumes that begin with the data of something else: a snapshot, an image. @module */
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
 * Why a volume cannot be made from its snapshot now, and what to do; undefined when it can, and for one
 * without a source.
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

/** What a volume begins with; undefined for an empty one. Only a snapshot can be written in a castfile. */
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

/** What a volume is made of. */
export interface Making {
  volume: Volume;
  /** That the volume's source names, if it does. */
  snapshot: Snapshot | undefined;
  /** That reads images. */
  runner: NodeRunner | undefined;
  ctx: VolumeCall;
}

/** Makes a volume, with its data: never an empty one instead of that. */
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
 * Makes a volume with what an image has at a path, as the Engine fills a volume of its own; what is in its
 * place is kept.
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
    // Its row was lost, and its data was not: a restored backup, a volume root that was kept.
    if (!(error instanceof RuneError) || error.code !== "already_exists") throw error;
    return await driver.provision(ctx);
  }
}
