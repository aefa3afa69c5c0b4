/**
 * The node of this machine. It builds its runners, its stage and its other parts, and closes them in reverse
 * order. The driver registry builds the drivers. Runs continue after the node is closed.
 * @module
 */
import { join } from "node:path";
import type { Logger } from "@logtape/logtape";
import type { Clock } from "../base/clock.ts";
import { DirectoryHolds } from "../drivers/directory_hold.ts";
import type { Drivers } from "../drivers/registry.ts";
import type { RunnerName } from "../model/instance.ts";
import { createDockerRunner, type DockerRunnerOptions } from "../runners/docker/runner.ts";
import { readBootId } from "../runners/process/proc.ts";
import { createProcessRunner } from "../runners/process/runner.ts";
import type { Runner } from "../runners/runner.ts";
import type { SecretReader } from "../store/secrets/vault.ts";
import { assembleNode } from "./assemble_node.ts";
import type { NodeObserver } from "./observer.ts";
import type { Installation } from "./installation.ts";
import { createMemoryMounts } from "./memory_mounts.ts";
import { clearStage, openStage } from "./mounts/bind_stage.ts";
import type { Node } from "./node.ts";
import { type CaddyProxyOptions, createCaddyProxy } from "./proxy/caddy/caddy_proxy.ts";
import { createRunFiles } from "./run_files.ts";
import { keepTrash } from "./trash_keeper.ts";

/** How long the host may take to clear the stage. */
const CLEAR_MS = 10_000;

/** The options of the node of this machine. */
export interface LocalNodeOptions {
  name: string;
  installation: Installation;
  labels: Record<string, string>;
  dataDir: string;
  daemonId: string;
  /** As the registry built them: the node prepares them, keeps their trash, and closes them. */
  drivers: Drivers;
  /** Where references in storage parameters are looked up. */
  secrets: SecretReader;
  /** How the Docker Engine is reached, and what is known of registries. */
  docker: Omit<DockerRunnerOptions, "daemonId" | "logger">;
  /** How host names are served. */
  proxy: Omit<CaddyProxyOptions, "dir" | "daemonId" | "logger">;
  /** Directories of the daemon's own, which no process may have a mount in. */
  closed: string[];
  clock: Clock;
  /** Told of each counted call that ended. */
  observer: NodeObserver;
  logger: Logger;
  /** Ends the opening. */
  signal: AbortSignal;
}

/** The node of this machine. */
export interface LocalNode extends Node {
  /** Gives up what it holds; the mounts of what runs stay with it. */
  close(): Promise<void>;
}

/** Opens the node of this machine. Nothing is left when it fails. */
export async function openLocalNode(options: LocalNodeOptions): Promise<LocalNode> {
  const { name, installation, labels, dataDir, daemonId, docker, secrets, clock, observer, logger, signal } =
    options;
  // Open parts, closed in reverse order.
  await using open = new AsyncDisposableStack();
  open.defer(() => options.drivers.close());
  const containers = createDockerRunner({ ...docker, daemonId, logger: logger.getChild("docker") });
  const processes = createProcessRunner({
    dir: join(dataDir, "processes"),
    daemonId,
    closed: options.closed,
    logger: logger.getChild("process"),
  });
  open.defer(() => processes.close());
  open.defer(() => containers.close());
  // No process may start before this.
  await processes.waitUntilClear();
  const { stage, warning } = await openStage({ dataDir, daemonId, engineSocket: docker.socket, signal });
  const warnings = [...await options.drivers.prepare(), ...warning === undefined ? [] : [warning]];
  for (const warning of warnings) logger.warn("{warning}", { warning });
  open.defer(() => clearStage(stage, AbortSignal.timeout(CLEAR_MS)));
  const proxy = createCaddyProxy({
    ...options.proxy,
    dir: join(dataDir, "proxy"),
    daemonId,
    logger: logger.getChild("proxy"),
  });
  open.defer(() => proxy.close());
  const { close, ...node } = assembleNode({
    ...{ name, installation, labels, stage, secrets, clock, observer, proxy },
    drivers: options.drivers.all,
    runners: new Map<RunnerName, Runner>([["docker", containers], ["process", processes]]),
    bootId: readBootId(),
    containsProcesses: processes.contains,
    holds: new DirectoryHolds({ daemonId, dataDir }),
    files: createLocalFiles(options),
  });
  open.defer(close);
  for (const owner of options.drivers.trashes) {
    const trash = keepTrash(owner, { clock, logger: logger.getChild("storage") });
    open.defer(() => trash.stop());
  }
  const left = open.move();
  return { ...node, close: () => left.disposeAsync() };
}

function createLocalFiles({ dataDir, daemonId, logger }: LocalNodeOptions) {
  const log = logger.getChild("reconcile");
  return createRunFiles({
    root: join(dataDir, "runs"),
    ...(Deno.uid() === 0 && { memory: createMemoryMounts(daemonId) }),
    onDisk: ({ message }) =>
      log.warn("secrets of a run are in files on the disk until it ends: {message}", { message }),
    onLeft: (path, { message }) =>
      log.warn("secrets of an earlier place stay in memory at {path}: {message}", { path, message }),
  });
}
