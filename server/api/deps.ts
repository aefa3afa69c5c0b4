/** What the routes are given: everything that `daemon.ts` built and a request may need. @module */
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

/** What the app is made from. */
export interface ServerDeps extends ApplyDeps {
  store: Store;
  /** The values of secrets. */
  secrets: Vault;
  /** Who calls, and what they may do. */
  auth: Auth;
  /** Where volumes and instances are. */
  nodes: Nodes;
  /** The last output of instances that are gone. Default: none is kept. */
  keptLogs?: Pick<KeptLogs, "list" | "read">;
  info: DaemonInfo;
  /** Names besides loopback under which a request may address the daemon; `*` admits any IP address. */
  hosts: string[];
  /** The runefile's registries, as they are now. */
  registries?: readonly RunefileRegistry[];
  /** What has died of what should run as long as the daemon: then `/healthz` says 503. Default: nothing. */
  listDead?(): string[];
  /** Whether the daemon can store anything. Default: it can. */
  writes?: Pick<WriteHealth, "problem">;
  /** What is known of instances and could not be stored. Default: nothing. */
  unstored?: Pick<Unstored, "addUnstored">;
  /** Aborted when the daemon begins to stop: streams end, `/healthz` says 503. */
  shutdown: AbortSignal;
  logger: Logger;
  /** Where requests are counted, and what `/metrics` shows. */
  metrics?: Metrics;
}
