/**
 * The backups that the daemon makes by itself. What is in the directory is all that it remembers, so that a
 * daemon that was killed, moved or given another directory needs no state to go on.
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

/** The longest wait in one go: clocks are set, and timers take no more than 24 days. */
const LOOK_MS = 60_000;
/** The first wait after a failure, doubled at each further one. */
const RETRY_MS = 60_000;
/** The longest, unless `every` is shorter. */
const MAX_RETRY_MS = 60 * 60_000;

/** What it works with. */
export interface ScheduledDeps {
  source: Omit<BackupSource, "logger">;
  /** Ids of the daemons that this one is a copy of, if it is one: where their backups are, it makes none. */
  originals?: string[];
  /** As they are now; undefined where none are asked for. */
  settings(): BackupSettings | undefined;
  logger: Logger;
  /** Told of each that failed. */
  onFailure(): void;
}

/** See the module. */
export interface ScheduledBackups {
  /** Looks now whether one is due: at the start, and when the settings changed. */
  wake(): void;
  /** Seconds since 1970 of the last good one, 0 when there is none; undefined where none are asked for. */
  lastSuccess(): number | undefined;
  /** What the operator should know, a sentence each. */
  warnings(): string[];
  /** Ends the one that is being made, which leaves nothing. */
  stop(): Promise<void>;
}

interface Failure {
  count: number;
  message: string;
  /** On the clock that never jumps. */
  retryAt: number;
}

/** Makes backups from the first `wake` on; one that is overdue at once. */
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

  /** @returns milliseconds until it is to be looked at again; undefined when nothing is asked for. */
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
    { hint: "name a directory of the copy's own as backup.dir, so that neither is taken for the other" },
  );
}

/** Makes one, then removes those beyond what is kept: never before there is a newer one. */
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
  // After the clock was set back, there may be one of this second.
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
