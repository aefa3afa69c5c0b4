/**
 * Plans how a volume without holders leaves its node: it is unmounted at once, and detached after its
 * driver's grace. So a successor that comes soon finds it attached. Pure.
 * @module
 */
import { elapsedMs, type Moment } from "../../base/clock.ts";
import type { DriverCapabilities } from "../../drivers/driver.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Volume } from "../../model/volume.ts";

/** What this plan needs of the observed state. */
export interface LeavingView {
  volume: Pick<Volume, "status" | "annotations">;
  /** Where it is mounted, as confirmed by this daemon. */
  mountPath: string | undefined;
  capabilities: Pick<DriverCapabilities, "detachGraceMs"> | undefined;
  now: Moment;
}

/** Whether this daemon, or an earlier one that was killed, may have the volume mounted on this node. */
export function isMounted({ volume: { status }, mountPath }: LeavingView): boolean {
  return mountPath !== undefined || (status.boundNode !== undefined && status.unmountedAt === undefined);
}

/**
 * How long an unmounted volume still stays attached, in milliseconds: 0 if it is time to detach it. Undefined
 * if it is not attached.
 */
export function graceLeftMs({ volume, capabilities, now }: LeavingView): number | undefined {
  const { boundNode, unmountedAt } = volume.status;
  if (boundNode === undefined) return undefined;
  if (unmountedAt === undefined || isDetachAsked(volume)) return 0;
  return Math.max(0, (capabilities?.detachGraceMs ?? 0) - elapsedMs(unmountedAt, now));
}

/** Whether somebody asked to detach the volume since it was mounted. */
function isDetachAsked({ annotations, status }: LeavingView["volume"]): boolean {
  const asked = annotations[ANNOTATIONS.detachRequestedAt];
  // Do not compare times: the clock may have been set back in between.
  return asked !== undefined && asked !== status.detachedFor;
}
