/** What the driver `local` can do, and what it is made with. @module */
import type { Owner } from "../directory_hold.ts";
import type { DriverCapabilities } from "../driver.ts";

/** Options of the driver `local`. */
export interface LocalOptions {
  /** Absolute path of the directory that holds everything; made when missing. */
  root: string;
  /**
   * The daemon whose volumes these are: those of another are refused. Absent: nobody is asked, and nothing is
   * claimed.
   */
  owner?: Owner;
  /**
   * A file outside of the root that remembers which filesystem the root is on. Absent: each object learns
   * that anew.
   */
  memory?: string;
  /** `delete` keeps the data. Default: false. */
  preserveOnDelete?: boolean;
  /** 0: `delete` removes the data at once. Else the caller purges when it is time. Default: 24 h. */
  trashRetentionMs?: number;
}

/** See {@linkcode Driver.capabilities}. */
export const LOCAL_CAPABILITIES: DriverCapabilities = {
  accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
  snapshots: true,
  sources: ["snapshot", "trash", "archive"],
  // The size is informational: any size is "grown to" at once.
  expand: true,
  onlineExpand: true,
  blockDevice: false,
  reclaimDelete: true,
  processMounts: false,
  scope: "daemon",
};
