/** What the driver supports. @module */
import type { DriverCapabilities } from "../driver.ts";
import { LARGEST_GB } from "./sizes.ts";

/** The capabilities of the driver. */
export const DO_VOLUME_CAPABILITIES: DriverCapabilities = {
  accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
  snapshots: true,
  sources: ["snapshot"],
  expand: true,
  onlineExpand: true,
  blockDevice: true,
  reclaimDelete: true,
  processMounts: false,
  scope: "host",
  // Attaching and detaching take many seconds, and a successor often needs the volume at once.
  detachGraceMs: 60_000,
  largestSize: `${LARGEST_GB}G`,
  snapshotLimits: { minIntervalMs: 10 * 60_000, mostPerVolume: 25 },
  usesInstallation: true,
  handleParameter: "volumeId",
};
