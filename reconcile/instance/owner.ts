/**
 * Who the programs of a run are, for what is made for them: volumes that nobody has written yet, and files of
 * secrets.
 * @module
 */
import type { OwnerIds } from "../../node/volumes.ts";
import type { NodeRunner } from "../../node/node_runner.ts";
import { RuneError } from "../../model/error.ts";
import type { Instance } from "../../model/instance.ts";
import type { MountView } from "./view.ts";

/**
 * Who the programs of an instance will be.
 *
 * @param options.image what they are from: of the main process, or of a step.
 * @returns undefined where the runner cannot tell.
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
    // The main process's image, while a step with one of its own comes first.
    if (error instanceof RuneError && error.code === "not_found") return undefined;
    throw error;
  }
}

/** Whether a mount shows a volume that no program was let write yet, and says nothing of its owner. */
export function isUnclaimed({ mount, volume }: MountView): boolean {
  return !mount.readOnly && mount.fsUser === undefined && mount.fsGroup === undefined &&
    volume?.status.initializedAt === undefined;
}
