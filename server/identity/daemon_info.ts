/** What a daemon says of itself. @module */
import type { BuildInfo } from "../../model/build.ts";

/** What `GET /v1/status` and `/v1/version` say of the daemon, and what a backup records of it. */
export interface DaemonInfo extends BuildInfo {
  /** Name of this node. */
  node: string;
  /** What labels its containers. */
  daemonId: string;
  /** RFC 3339. */
  startedAt: string;
  dataDir: string;
  devMode: boolean;
  /** What the operator should know, a sentence each. */
  warnings: string[];
  /** The same of backups; they name volumes. */
  backupWarnings?: string[];
}
