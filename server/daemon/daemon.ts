/**
 * The daemon opens the store and the node of this machine, creates the app and the controllers, and starts
 * them. Nothing acts before the state is locked. It stops them in reverse order.
 * @module
 */
import { join } from "node:path";
import type { Logger } from "@logtape/logtape";
import { buildDrivers, ownDirectories } from "../../drivers/registry.ts";
import { createClock } from "../../base/clock.ts";
import { createUnstored } from "../../reconcile/instance/unstored.ts";
import { KeptLogs } from "../../reconcile/kept_logs/kept_logs.ts";
import { type Controllers, startControllers } from "../../reconcile/start.ts";
import { longestMatch } from "../../runners/docker/registry_auth.ts";
import { toRuneError } from "../../model/error.ts";
import { BUILD } from "../../model/build.ts";
import { openStore } from "../../store/store.ts";
import { openVault } from "../../store/secrets/vault.ts";
import { removeBackupSnapshots } from "../backup/volume_snapshots.ts";
import { isWildcard, type ListenAddress } from "../http/address.ts";
import { type ApiServer, listen } from "./listen.ts";
import { holdDaemonId } from "../identity/daemon_lock.ts";
import { bondOf } from "../identity/engine_bond.ts";
import { openInstallation } from "../identity/installation.ts";
import { applyReload, planReload, type Reloaded } from "./reload.ts";
import { createApp } from "../api/app.ts";
import { grantOf } from "../auth/grants.ts";
import { openAudit } from "../auth/audit.ts";
import { readOriginals } from "../identity/originals.ts";
import { createScheduledBackups } from "../backup/scheduled.ts";
import { createAuth } from "../auth/auth.ts";
import { watchSessions } from "../auth/sessions.ts";
import { listRegistries } from "../admission/registries.ts";
import { registerGauges } from "../metrics/gauges.ts";
import { createWriteHealth } from "../api/write_health.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { openLocalNode } from "../../node/local_node.ts";
import { createNodes } from "../../node/node.ts";
import { countProbes } from "../metrics/probes.ts";
import { readUsage } from "../metrics/disk_usage.ts";
import { createInitialResources } from "./initial_resources.ts";
import { unhandledErrors } from "./last_resort.ts";
import { readTlsPair } from "./tls.ts";
import type { Settings } from "./settings.ts";

/** How long requests in flight may take when the daemon stops. */
const DRAIN_MS = 10_000;
/** The address on which dev mode publishes ports. */
const DEV_ADDRESS = "127.0.0.1";

/** A running daemon. */
export interface Daemon {
  /** The addresses it listens on, with actual ports. */
  addresses: ListenAddress[];
  /**
   * Applies the settings that can change while it runs, and reads the certificate and its key again. Other
   * settings do not change.
   *
   * @throws {RuneError} for a certificate that cannot be used; then nothing changes.
   */
  reload(next: Settings): Promise<Reloaded>;
  /** Whether all its parts still run. The service manager restarts a daemon that is not alive. */
  isAlive(): Promise<boolean>;
  /** Stops the daemon; workloads keep running. A second call does nothing. */
  stop(): Promise<void>;
}

/** The directories of the daemon on the host. No process may have a mount there. */
function closedPaths({ dataDir, storage }: Pick<Settings, "dataDir" | "storage">): string[] {
  const resolveLinks = (path: string) => {
    try {
      return Deno.realPathSync(path);
    } catch {
      return path;
    }
  };
  // The last one has the stages and locks of every daemon on this host.
  const paths = [dataDir, ...ownDirectories(storage).map(({ path }) => path), "/run/rune"];
  return [...new Set([...paths, ...paths.map(resolveLinks)])];
}

/**
 * Starts a daemon.
 *
 * @throws {RuneError} `failed_precondition` if the data directory or an address cannot be used; then nothing
 * is left running.
 */
export async function startDaemon(settings: Settings, logger: Logger): Promise<Daemon> {
  const { storage, node, dataDir } = settings;
  // Cleanup of what was started, in reverse order, both after a failed start and at a stop.
  const started: (() => void | Promise<void>)[] = [];
  const undo = async () => {
    for (const stop of started.splice(0).reverse()) await stop();
  };
  try {
    const metrics = createMetrics(BUILD);
    const clock = createClock();
    const writes = createWriteHealth(dataDir);
    const store = await openStore({
      dataDir,
      onCommit(result) {
        metrics.commit(result);
        writes.noteCommit(result);
      },
      clock: () => clock.now(),
    });
    const unstored = createUnstored(store);
    started.push(() => store.close());
    // Before anything acts, since another daemon may have this id and own what has its label.
    const held = await holdDaemonId(store, dataDir);
    const { daemonId } = held;
    started.push(() => held[Symbol.dispose]());
    const installation = await openInstallation(store, node);
    const secrets = await openVault(store, settings.crypto.kek);
    started.push(() => secrets.close());
    await createInitialResources(store, storage);
    await removeBackupSnapshots(store);
    const built = buildDrivers(storage, {
      dataDir,
      daemonId,
      devMode: settings.devMode,
      grantedPaths: (namespace) => grantOf(settings.grants, namespace).hostPaths,
    });
    const registries = () => listRegistries({ runefile: settings.docker.registries, store, secrets });
    const probes = countProbes(metrics.registry, store);
    started.push(() => probes.close());
    const aborted = new AbortController();
    const { caddy, ...serving } = settings.expose;
    const local = await openLocalNode({
      ...{
        name: node.name,
        installation,
        labels: node.labels,
        dataDir,
        daemonId,
        drivers: built,
        secrets,
        clock,
        logger,
      },
      docker: {
        socket: settings.docker.socket,
        bond: bondOf(store, held.place),
        async authFor(repository) {
          const found = longestMatch(registries(), repository);
          if (!found) return undefined;
          const server = repository.slice(0, repository.indexOf("/"));
          return { entry: found.entry, server, ...await found.credentials() };
        },
        ...(settings.devMode && { publishOn: DEV_ADDRESS }),
      },
      proxy: {
        serving: { ...serving, loopback: settings.devMode },
        ...(caddy !== undefined && { program: caddy }),
      },
      closed: closedPaths(settings),
      observer: { driverCall: metrics.driverCall, runnerCall: metrics.runnerCall, probes },
      signal: aborted.signal,
    });
    started.push(() => local.close());
    const nodes = createNodes([local]);
    const { drivers, containsProcesses } = nodes.get(node.name);
    const audit = openAudit(join(dataDir, "audit"), {
      onFailure: (error) =>
        logger.error("the audit log cannot be written: {message}", { message: toRuneError(error).message }),
    });
    started.push(() => audit.close());
    const sessions = watchSessions(store);
    started.push(() => sessions.close());
    const { tls } = settings.auth;
    const pair = tls && await readTlsPair(tls);

    const shutdown = new AbortController();
    const identity = { ...BUILD, node: node.name, installation: installation.name, daemonId, dataDir };
    const backups = createScheduledBackups({
      source: { store, secrets, nodes, info: identity },
      originals: await readOriginals(store),
      settings: () => settings.backup,
      logger: logger.getChild("backup"),
      onFailure: metrics.backupFailed,
    });
    started.push(() => backups.stop());
    /** Started last, but read earlier. */
    const late: { controllers?: Controllers } = {};
    const servers: ApiServer[] = [];
    const keptLogs = new KeptLogs(join(dataDir, "logs"));
    const app = createApp({
      store,
      keptLogs,
      secrets,
      secretLimits: settings.crypto.secretLimits,
      auth: createAuth({ ...settings.auth, store, audit, sessions }),
      nodes,
      drivers,
      containsProcesses,
      info: {
        ...identity,
        startedAt: new Date().toISOString(),
        devMode: settings.devMode,
        get warnings() {
          return settings.warnings;
        },
        get backupWarnings() {
          return backups.warnings();
        },
      },
      // With TLS and tokens, DNS rebinding gains nothing, since no browser sends a token by itself.
      hosts: pair && settings.auth.enabled
        ? ["**"]
        : settings.addresses.flatMap((a) => isWildcard(a) ? ["*", Deno.hostname(), node.name] : [a.hostname]),
      get defaultStorageClass() {
        return settings.storage.defaultStorageClass;
      },
      get grants() {
        return settings.grants;
      },
      closed: closedPaths(settings),
      hostPorts: () => ({
        reserved: [
          ...servers.map(({ port }) => ({ port, usedBy: "the daemon's own API" })),
          ...(["httpPort", "httpsPort"] as const).map((key) => ({
            port: settings.expose[key],
            usedBy: `the proxy, which serves host names (expose.${key} of the runefile)`,
          })),
        ],
        ...(settings.devMode && { publishOn: DEV_ADDRESS }),
      }),
      get registries() {
        return settings.docker.registries;
      },
      listDead: () => late.controllers?.listDead() ?? [],
      writes,
      unstored,
      shutdown: shutdown.signal,
      logger: logger.getChild("http"),
      metrics,
    });
    const stopServing = async () => {
      shutdown.abort();
      const drained = setTimeout(() => aborted.abort(), DRAIN_MS);
      await Promise.all(servers.map((server) => server.shutdown()));
      clearTimeout(drained);
    };
    started.push(stopServing);
    for (const address of settings.addresses) {
      const handler = (request: Request, peer: string) => app.fetch(request, { peer });
      servers.push(listen(address, { signal: aborted.signal, handler, ...(pair && { pair }) }));
    }
    const controllers = startControllers({
      store,
      keptLogs,
      nodes,
      secrets,
      clock,
      logger: logger.getChild("reconcile"),
      unstored,
      observer: metrics.reconcile,
    });
    late.controllers = controllers;
    started.push(() => controllers.stop());
    const usage = readUsage({ store, nodes });
    started.push(() => usage.stop());
    registerGauges(metrics.registry, {
      unhandledErrors,
      store,
      dataDir,
      depths: () => controllers.depths(),
      usage,
      backups,
    });
    backups.wake();

    let stopping: Promise<void> | undefined;
    return {
      addresses: settings.addresses.map(({ hostname }, i) => ({ hostname, port: servers[i]!.port })),
      async reload(next) {
        if (tls) {
          const pair = await readTlsPair(tls);
          for (const server of servers) server.replace?.(pair);
          logger.info("read the certificate again; it is valid until {validUntil}", {
            validUntil: pair.validUntil,
          });
        }
        const reloaded = planReload(settings, next);
        applyReload(settings, next);
        built.configure(settings.storage);
        backups.wake();
        return reloaded;
      },
      async isAlive() {
        try {
          await store.check();
          return controllers.listDead().length === 0;
        } catch {
          return false;
        }
      },
      // First the requests, which may still write, and then the controllers, which act on what they wrote.
      stop: () => stopping ??= stopServing().then(undo),
    };
  } catch (error) {
    await undo();
    throw error;
  }
}
