/** Options and capabilities of the driver `local`. @module */
import type { Owner } from "../directory_hold.ts";
import type { DriverCapabilities } from "../driver.ts";

/** Options of the driver `local`. */
export interface LocalOptions {
  /** The absolute path of the volume root, which is created if it is missing. */
  root: string;
  /**
   * The daemon that owns the volumes; those of another are refused. Default: owners are neither checked nor
   * recorded.
   */
  owner?: Owner;
  /**
   * A file outside the root that records the filesystem of the root. Default: each object finds it out again.
   */
  memory?: string;
  /** Whether `delete` keeps the data. Default: false. */
  preserveOnDelete?: boolean;
  /**
   * How long data stays in the trash until the caller purges it; 0: `delete` destroys it at once. Default: 24
   * h.
   */
  trashRetentionMs?: number;
}

/** The capabilities of the driver. */
export const LOCAL_CAPABILITIES: DriverCapabilities = {
  accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
  snapshots: true,
  sources: ["snapshot", "trash", "archive"],
  // The size is only informational, so growing has nothing to do.
  expand: true,
  onlineExpand: true,
  blockDevice: false,
  reclaimDelete: true,
  processMounts: false,
  scope: "daemon",
};
