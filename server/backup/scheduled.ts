/**
 * Makes scheduled backups. The files in the directory are the only state, so a daemon that was killed or
 * moved, or that uses another directory, can continue.
 * @module
 */
import { join } from "node:path";
import type { Logger } from "@logtape/logtape";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { RuneError, toRuneError } from "../../model/error.ts";
import { formatBytes } from "../../model/format.ts";
import { type BackupSource, makeBackup } from "./backup.ts";
import {
  backupName,
  dueInMs,
  findBackups,
  findPartials,
  type KeptBackup,
  lastOf,
  surplusOf,
} from "./retention.ts";
import type { BackupSettings } from "./section.ts";
import { asRefusal, writeBackup } from "./write.ts";

/** The longest single wait. The clock may be changed, and timers are limited to 24 days. */
const LOOK_MS = 60_000;
/** The wait after the first failure, doubled for each further one. */
const RETRY_MS = 60_000;
/** The longest wait after a failure, unless `every` is shorter. */
const MAX_RETRY_MS = 60 * 60_000;

/** Dependencies of scheduled backups. */
export interface ScheduledDeps {
  source: Omit<BackupSource, "logger">;
  /** For a copy, the ids of its originals. It makes no backups in a directory with theirs. */
  originals?: string[];
  /** The current settings; undefined if backups are off. */
  settings(): BackupSettings | undefined;
  logger: Logger;
  /** Called for each failed backup. */
  onFailure(): void;
}

/** The scheduler of backups. */
export interface ScheduledBackups {
  /** Checks now whether a backup is due. Call it at the start, and after a change of the settings. */
  wake(): void;
  /**
   * The time of the last good backup in seconds since 1970, or 0 if there is none; undefined if backups are
   * off.
   */
  lastSuccess(): number | undefined;
  /** Warnings for the operator, one sentence each. */
  warnings(): string[];
  /** Aborts a backup in progress, which leaves nothing behind. */
  stop(): Promise<void>;
}

interface Failure {
  count: number;
  message: string;
  /** A time of the monotonic clock. */
  retryAt: number;
}

/** Creates the scheduler, which starts with the first `wake`. An overdue backup is made at once. */
export function createScheduledBackups(
  { source, originals = [], settings, logger, onFailure }: ScheduledDeps,
): ScheduledBackups {
  const stopped = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const lock = new KeyedLock();
  let failure: Failure | undefined;
  let last: KeptBackup | undefined;

  function noteFailure(current: BackupSettings, thrown: unknown): void {
    const { message, hint } = toRuneError(thrown);
    const count = (failure?.count ?? 0) + 1;
    const waitMs = Math.min(RETRY_MS * 2 ** (count - 1), MAX_RETRY_MS, current.everyMs);
    const text = hint === undefined ? message : `${message}; ${hint}`;
    failure = { count, message: text, retryAt: performance.now() + waitMs };
    logger.error("the scheduled backup failed: {text}", { text });
    onFailure();
  }

  /**
   * Makes a backup if one is due.
   * @returns milliseconds until the next check; undefined if backups are off.
   */
  async function pass(): Promise<number | undefined> {
    const current = settings();
    if (!current) {
      [failure, last] = [undefined, undefined];
      return undefined;
    }
    const retryInMs = failure === undefined ? 0 : failure.retryAt - performance.now();
    if (retryInMs > 0) return retryInMs;
    try {
      const { daemonId } = source.info;
      const files = await list(current.dir);
      const theirs = originals.flatMap((id) => findBackups(files, id))[0];
      if (theirs) throw ofOriginal(current.dir, theirs.name);
      for (const name of findPartials(files, daemonId)) await Deno.remove(join(current.dir, name));
      const now = new Date();
      last = lastOf(findBackups(files, daemonId), now);
      const afterMs = dueInMs(last, { everyMs: current.everyMs, now });
      if (afterMs > 0) {
        failure = undefined;
        return afterMs;
      }
      last = await make(current, { source, taken: files, logger, signal: stopped.signal });
      failure = undefined;
      return current.everyMs;
    } catch (error) {
      if (!stopped.signal.aborted) noteFailure(current, asRefusal(current.dir, error));
      return failure === undefined ? LOOK_MS : failure.retryAt - performance.now();
    }
  }

  function look(): void {
    clearTimeout(timer);
    void lock.run(["pass"], {
      async work() {
        if (stopped.signal.aborted) return;
        const afterMs = await pass();
        clearTimeout(timer);
        if (afterMs === undefined || stopped.signal.aborted) return;
        timer = setTimeout(look, Math.max(0, Math.min(afterMs, LOOK_MS)));
      },
    });
  }

  return {
    wake() {
      if (failure) failure.retryAt = 0;
      look();
    },
    lastSuccess: () => settings() && (last === undefined ? 0 : last.at / 1000),
    warnings: () =>
      failure === undefined ? [] : [
        `the scheduled backup fails: ${failure.message}; the last good one is ${
          last === undefined ? "none" : `${last.name}, of ${new Date(last.at).toISOString()}`
        }`,
      ],
    async stop() {
      stopped.abort();
      clearTimeout(timer);
      await lock.waitForIdle();
    },
  };
}

async function list(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name);
}

function ofOriginal(dir: string, name: string): RuneError {
  return new RuneError(
    "failed_precondition",
    `${dir} holds backups of the daemon that this one is a copy of, as ${name}`,
    { hint: "set backup.dir to a directory of the copy's own, so that their backups cannot be confused" },
  );
}

/** Makes a backup, and then removes the surplus ones. None is removed before there is a newer one. */
async function make(
  { dir, keep, withKek, volumes }: BackupSettings,
  { source, taken, logger, signal }: {
    source: ScheduledDeps["source"];
    taken: string[];
    logger: Logger;
    signal: AbortSignal;
  },
): Promise<KeptBackup> {
  const { daemonId } = source.info;
  let at = Math.floor(Date.now() / 1000) * 1000;
  // After the clock was set back, there may already be a backup with this time.
  while (taken.includes(backupName(daemonId, new Date(at)))) at += 1000;
  const name = backupName(daemonId, new Date(at));
  const stream = await makeBackup(source, { withKek, volumes }, signal);
  const size = await writeBackup(stream, { dir, name, signal });
  logger.info("made the backup {path}, {size}", { path: join(dir, name), size: formatBytes(size) });
  const backups = findBackups(await list(dir), daemonId);
  for (const old of surplusOf(backups, { made: name, keep, now: new Date() })) {
    try {
      await Deno.remove(join(dir, old.name));
    } catch (error) {
      const { message } = toRuneError(error);
      logger.warn("cannot remove the backup {name}: {message}", { name: old.name, message });
    }
  }
  return { name, at };
}
