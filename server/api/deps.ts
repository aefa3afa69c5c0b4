/** What the routes are given: everything that `daemon.ts` built and a request may need. @module */
import type { Logger } from "@logtape/logtape";
import type { Driver } from "../../drivers/driver.ts";
import type { Prober } from "../../node/probes/prober.ts";
import type { KeptLogs } from "../../reconcile/kept_logs/kept_logs.ts";
import type { Runner } from "../../runners/runner.ts";
import type { BuildInfo } from "../../model/build.ts";
import type { RunnerName } from "../../model/instance.ts";
import type { Vault } from "../../store/secrets/vault.ts";
import type { Store } from "../../store/store.ts";
import type { Auth } from "../auth/auth.ts";
import type { HostPorts } from "../admission/ports.ts";
import type { Grants } from "../admission/grants.ts";
import type { RunefileRegistry } from "../daemon/registries.ts";
import type { SecretLimits } from "../admission/secret_writes.ts";
import type { Unstored } from "../../reconcile/instance/unstored.ts";
import type { WriteHealth } from "../daemon/write_health.ts";
import type { Metrics } from "../metrics/metrics.ts";

/** What `GET /v1/status` and `/v1/version` say of the daemon itself. */
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

/** What the app is made from. */
export interface ServerDeps {
  store: Store;
  /** The values of secrets. */
  secrets: Vault;
  secretLimits: SecretLimits;
  /** Who calls, and what they may do. */
  auth: Auth;
  drivers: ReadonlyMap<string, Driver>;
  runners: ReadonlyMap<RunnerName, Runner>;
  /** The last output of instances that are gone. Default: none is kept. */
  keptLogs?: Pick<KeptLogs, "list" | "read">;
  /** What the probes said last. */
  health: Pick<Prober, "report">;
  info: DaemonInfo;
  /** Names besides loopback under which a request may address the daemon; `*` admits any IP address. */
  hosts: string[];
  /** The class for volumes that name none while no class is the default (seed 001). */
  defaultStorageClass?: string;
  /** What callers may use of the host, by namespace, as it is now. Default: nothing. */
  grants?: Grants;
  /** What of the machine's ports no service can have. Default: all are free. */
  hostPorts?(): HostPorts;
  /** The runefile's registries, as they are now. */
  registries?: readonly RunefileRegistry[];
  /** Whether processes can be given mounts of their own. Default: whether the daemon is root. */
  privateMounts?: boolean;
  /** Directories of the daemon's own: no mount of a process may cover one or be in it. Default: none. */
  closed?: readonly string[];
  /** Whether the process runner can tell when all processes of a run are gone. Default: yes. */
  containsProcesses?: boolean;
  /** What has died of what should run as long as the daemon: then `/healthz` says 503. Default: nothing. */
  dead?(): string[];
  /** Whether the daemon can store anything. Default: it can. */
  writes?: Pick<WriteHealth, "problem">;
  /** What is known of instances and could not be stored. Default: nothing. */
  unstored?: Pick<Unstored, "known">;
  /** Aborted when the daemon begins to stop: streams end, `/healthz` says 503. */
  shutdown: AbortSignal;
  logger: Logger;
  /** Where requests are counted, and what `/metrics` shows. */
  metrics?: Metrics;
}
