/** The dependencies of the routes, which `daemon.ts` creates. @module */
import type { Logger } from "@logtape/logtape";
import type { Nodes } from "../../node/node.ts";
import type { KeptLogs } from "../../reconcile/kept_logs/kept_logs.ts";
import type { Vault } from "../../store/secrets/vault.ts";
import type { Store } from "../../store/store.ts";
import type { ApplyDeps } from "../admission/apply_deps.ts";
import type { Auth } from "../auth/auth.ts";
import type { DaemonInfo } from "../identity/daemon_info.ts";
import type { RunefileRegistry } from "../admission/registries.ts";
import type { Unstored } from "../../reconcile/instance/unstored.ts";
import type { WriteHealth } from "./write_health.ts";
import type { Metrics } from "../metrics/metrics.ts";

/** Dependencies of the app. */
export interface ServerDeps extends ApplyDeps {
  store: Store;
  /** Reads and writes the values of secrets. */
  secrets: Vault;
  /** The gate in front of every route. */
  auth: Auth;
  /** Where volumes and instances are. */
  nodes: Nodes;
  /** The last output of deleted instances. Default: none is kept. */
  keptLogs?: Pick<KeptLogs, "list" | "read">;
  info: DaemonInfo;
  /** Names besides loopback under which a request may address the daemon; `*` admits any IP address. */
  hosts: string[];
  /** The current registries of the runefile. */
  registries?: readonly RunefileRegistry[];
  /**
   * The parts of the daemon that have stopped unexpectedly. If there are any, `/healthz` answers 503.
   * Default: none.
   */
  listDead?(): string[];
  /** Whether the daemon can store anything. Default: it can. */
  writes?: Pick<WriteHealth, "problem">;
  /** Changes of instances that could not be stored. Default: none. */
  unstored?: Pick<Unstored, "addUnstored">;
  /** Aborts when the daemon begins to stop. Then streams end, and `/healthz` answers 503. */
  shutdown: AbortSignal;
  logger: Logger;
  /** Counts requests, and provides the text of `/metrics`. Default: no metrics. */
  metrics?: Metrics;
}
