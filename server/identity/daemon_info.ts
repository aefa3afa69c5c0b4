/** Information about a daemon. @module */
import type { BuildInfo } from "../../model/build.ts";

/** The information in `GET /v1/status`, `/v1/version` and backups. */
export interface DaemonInfo extends BuildInfo {
  /** The name of this node. */
  node: string;
  /** The name of this installation. */
  installation: string;
  /** The id of the daemon, which labels its containers. */
  daemonId: string;
  /** RFC 3339. */
  startedAt: string;
  dataDir: string;
  devMode: boolean;
  /** Warnings for the operator, one sentence each. */
  warnings: string[];
  /** Warnings about backups, which name volumes. */
  backupWarnings?: string[];
}
