/**
 * The condition `Grown` of a volume: false while those who use it see less than the requested size.
 * @module
 */
import type { DriverCapabilities, Growth } from "../../drivers/driver.ts";
import type { LeaseHolder } from "../../model/lease.ts";
import { parseBytes } from "../../model/quantity.ts";
import type { Condition } from "../../model/resource.ts";
import type { Volume } from "../../model/volume.ts";
import { describeHolders } from "../leases.ts";

/** Nobody may mount it while it grows. */
const IN_USE = "InUse";
/** It has grown, and its filesystem will at the next mount. */
const NEXT_MOUNT = "NextMount";
/** The last attempt to grow it failed. */
const GROWTH_FAILED = "GrowthFailed";

interface Grower {
  volume: Volume;
  holders: LeaseHolder[];
  now: Date;
}

/** Whether a volume is smaller than requested and its driver can expand it. */
export function isTooSmall(
  { volume: { spec, status }, capabilities }: {
    volume: Volume;
    capabilities: DriverCapabilities | undefined;
  },
): boolean {
  return capabilities?.expand === true && status.sizeBytes !== undefined &&
    parseBytes(spec.size) > status.sizeBytes;
}

/** The conditions of a volume that is not growing at the moment. */
export function checkGrowth(
  { mountPath, ...view }: Grower & {
    capabilities: DriverCapabilities | undefined;
    mountPath: string | undefined;
  },
): Condition[] {
  const { volume: { namespace, spec, status: { conditions } }, holders } = view;
  if (isTooSmall(view)) {
    const message = `it grows to ${spec.size} when ${describeHolders(namespace, holders)} lets go of it: ` +
      "its driver grows volumes only while nobody mounts them; stop the service for that long";
    return report(view, { reason: IN_USE, message });
  }
  const isLater = conditions.some(({ type, reason }) => type === "Grown" && reason === NEXT_MOUNT);
  return isLater && mountPath !== undefined ? conditions : withoutGrown(conditions);
}

/** The conditions of a volume after its driver has mounted or expanded it. */
export function noteGrowth(
  volume: Volume,
  { growth: { growsLater }, holders, now }: Omit<Grower, "volume"> & { growth: Growth },
): Condition[] {
  if (growsLater === undefined) return withoutGrown(volume.status.conditions);
  const message = `its filesystem grows to ${volume.spec.size} at the next mount, when ` +
    `${describeHolders(volume.namespace, holders)} has let go of it: ${growsLater}`;
  return report({ volume, holders, now }, { reason: NEXT_MOUNT, message });
}

/** The conditions of a volume whose driver could not expand it. */
export function noteFailedGrowth(
  volume: Volume,
  { conditions, message, holders, now }: Omit<Grower, "volume"> & {
    /** The other conditions that it has now. */
    conditions: Condition[];
    /** Why it did not grow. */
    message: string;
  },
): Condition[] {
  const noted = report({ volume, holders, now }, {
    reason: GROWTH_FAILED,
    message: `it has not grown to ${volume.spec.size}: ${message}`,
  });
  return [...withoutGrown(conditions), ...noted.filter(({ type }) => type === "Grown")];
}

/** Whether the last attempt to grow a volume failed. */
export function hasFailedGrowth({ status: { conditions } }: Volume): boolean {
  return conditions.some(({ type, reason }) => type === "Grown" && reason === GROWTH_FAILED);
}

const withoutGrown = (conditions: Condition[]) => conditions.filter(({ type }) => type !== "Grown");

function report(
  { volume: { status: { conditions } }, now }: Grower,
  { reason, message }: { reason: string; message: string },
): Condition[] {
  const before = conditions.find(({ type }) => type === "Grown");
  const since = before?.reason === reason ? before.since : now.toISOString();
  return [...withoutGrown(conditions), { type: "Grown", value: false, reason, message, since }];
}
