/**
 * Finds the user that a run's programs run as. New volumes and secret files are given to that user.
 * @module
 */
import type { OwnerIds } from "../../node/volumes.ts";
import type { NodeRunner } from "../../node/node_runner.ts";
import { RuneError } from "../../model/error.ts";
import type { Instance } from "../../model/instance.ts";
import type { MountView } from "./view.ts";

/**
 * The user and group that the programs of an instance will run as.
 *
 * @param options.image the image of the main process or of an init step.
 * @returns undefined if the runner does not know.
 */
export async function ownerOf(
  { spec: { template } }: Instance,
  { runner, image, signal }: { runner: NodeRunner; image: string | undefined; signal: AbortSignal },
): Promise<OwnerIds | undefined> {
  if (template.identity) return template.identity;
  try {
    return await runner.ownerOf?.(template.securityContext ?? {}, {
      ...(image !== undefined && { image }),
      signal,
    });
  } catch (error) {
    // The main process's image may be missing while a step with its own image runs first.
    if (error instanceof RuneError && error.code === "not_found") return undefined;
    throw error;
  }
}

/** Whether a mount has a volume that no program could write yet, and sets no owner. */
export function isUnclaimed({ mount, volume }: MountView): boolean {
  return !mount.readOnly && mount.fsUser === undefined && mount.fsGroup === undefined &&
    volume?.status.initializedAt === undefined;
}
