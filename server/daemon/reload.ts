/**
 * Applies a changed runefile to a running daemon: some settings take effect at once, others need a restart.
 * @module
 */
import type { Logger } from "@logtape/logtape";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { DRIVER_RELOADS, reloadDrivers } from "../../drivers/registry.ts";
import { sameValue } from "../../model/changes.ts";
import { toRuneError } from "../../model/error.ts";
import { startLogging } from "./logging.ts";
import type { Settings } from "./settings.ts";

/** Settings by their key in the runefile. `live` means that a change takes effect at once. */
export const RELOADABLE: Record<string, { of: (settings: Settings) => unknown; live: boolean }> = {
  "dataDir": { of: (s) => s.dataDir, live: false },
  "server.httpAddr, server.grpcAddr": { of: (s) => s.addresses, live: false },
  "server.logLevel": { of: (s) => s.log.level, live: true },
  "server.logFormat": { of: (s) => s.log.format, live: true },
  ...Object.fromEntries(
    DRIVER_RELOADS.map(({ key, of, live }) => [
      `storage.${key}`,
      { of: (s: Settings) => of(s.storage), live },
    ]),
  ),
  "storage.defaultStorageClass": { of: (s) => s.storage.defaultStorageClass, live: true },
  "docker.socket": { of: (s) => s.docker.socket, live: false },
  "docker.registries": { of: (s) => s.docker.registries, live: true },
  "expose.httpPort, expose.httpsPort, expose.acmeEmail, expose.caddy": { of: (s) => s.expose, live: false },
  "auth.enabled": { of: (s) => s.auth.enabled, live: false },
  "auth.allowRemoteAdmin": { of: (s) => s.auth.allowRemoteAdmin, live: false },
  "auth.tls.cert, auth.tls.key": { of: (s) => s.auth.tls, live: false },
  "crypto.kek.source, crypto.kek.file, crypto.kek.env": { of: (s) => s.crypto.kek, live: false },
  "crypto.secretLimits.keys, crypto.secretLimits.valueBytes": {
    of: (s) => s.crypto.secretLimits,
    live: false,
  },
  "backup.every": { of: (s) => s.backup?.everyMs, live: true },
  "backup.keep": { of: (s) => s.backup?.keep, live: true },
  "backup.dir": { of: (s) => s.backup?.dir, live: true },
  "backup.withKek": { of: (s) => s.backup?.withKek, live: true },
  "backup.withVolumes": { of: (s) => s.backup?.volumes, live: true },
  "grants": { of: (s) => s.grants, live: true },
  "node.name": { of: (s) => s.node.name, live: false },
  "node.installation": { of: (s) => s.node.installation, live: false },
  "node.labels": { of: (s) => s.node.labels, live: true },
};

/** The changed keys of the runefile. */
export interface Reloaded {
  applied: string[];
  /** Keys whose change takes effect only after a restart. */
  needRestart: string[];
}

/** Finds the changed keys. */
export function planReload(current: Settings, next: Settings): Reloaded {
  const changed = Object.entries(RELOADABLE).filter(([, { of }]) => !sameValue(of(current), of(next)));
  const keys = (live: boolean) => changed.filter(([, setting]) => setting.live === live).map(([key]) => key);
  return { applied: keys(true), needRestart: keys(false) };
}

/** Writes live settings into the settings of the daemon, whose parts read them each time. */
export function applyReload(current: Settings, next: Settings): void {
  current.log = next.log;
  current.storage = { ...next.storage, ...reloadDrivers(current.storage, next.storage) };
  current.docker.registries = next.docker.registries;
  current.node.labels = next.node.labels;
  current.backup = next.backup;
  current.grants = next.grants;
  current.warnings.splice(0, Infinity, ...next.warnings);
}

/**
 * Reloads the settings at every SIGHUP; invalid settings change nothing.
 * @returns a function that stops it.
 */
export function reloadOnSighup(
  { load, reload, logger }: {
    load(): Promise<Settings>;
    reload(next: Settings): Promise<Reloaded>;
    logger: Logger;
  },
): () => void {
  const run = async () => {
    const next = await load();
    const { applied, needRestart } = await reload(next);
    await startLogging(next.log);
    for (const warning of next.warnings) logger.warn("{warning}", { warning });
    logger.info("SIGHUP: {applied}", {
      applied: applied.length === 0 ? "nothing to reload" : `reloaded ${applied.join(", ")}`,
    });
    if (needRestart.length === 0) return;
    logger.warn("SIGHUP: changes of {keys} need a restart of the daemon; workloads keep running", {
      keys: needRestart.join(", "),
    });
  };
  const lock = new KeyedLock();
  const listener = () => {
    lock.run(["reload"], { work: run }).catch((thrown) => {
      const { message, hint } = toRuneError(thrown);
      logger.error("SIGHUP: nothing was reloaded: {message}; {hint}", { message, hint });
    });
  };
  Deno.addSignalListener("SIGHUP", listener);
  return () => Deno.removeSignalListener("SIGHUP", listener);
}
