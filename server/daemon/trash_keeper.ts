/** Keeps the trash of deleted volumes: what is past its retention is removed for good. @module */
import type { Logger } from "@logtape/logtape";
import { type Clock, elapsedMs } from "../../base/clock.ts";
import { toRuneError } from "../../model/error.ts";
import type { Settings } from "./settings.ts";

/** How often the trash is looked through for what is due. */
const PURGE_INTERVAL_MS = 10 * 60_000;

/** A driver that moves what is deleted to a trash. */
export interface TrashOwner {
  /** Finishes what a daemon that died began. */
  sweep(signal: AbortSignal): Promise<unknown>;
  /** Removes for good what was deleted at a time (RFC 3339) that is due. @returns what was removed. */
  purgeTrash(isDue: (deletedAt: string) => boolean, signal: AbortSignal): Promise<unknown[]>;
}

/** Sweeps the volume root once, then keeps emptying the trash of what is past its retention. */
export function keepTrash(
  local: TrashOwner,
  { settings, clock, logger }: { settings: Settings; clock: Clock; logger: Logger },
): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const report = (what: string) => (error: unknown) => {
    if (stopped.signal.aborted) return;
    logger.warn("{what}: {message}", { what, message: toRuneError(error).message });
  };
  const purge = async () => {
    const isDue = (at: string) => elapsedMs(at, clock.now()) > settings.storage.trashRetentionMs;
    const purged = await local.purgeTrash(isDue, stopped.signal);
    if (purged.length > 0) {
      logger.info("purged {count} deleted volumes from the trash", { count: purged.length });
    }
  };
  let work = local.sweep(stopped.signal).catch(report("the sweep of the volume root")).then(purge)
    .catch(report("the purge of the trash"));
  const timer = setInterval(
    () => work = work.then(purge).catch(report("the purge of the trash")),
    PURGE_INTERVAL_MS,
  );
  return {
    async stop() {
      clearInterval(timer);
      stopped.abort();
      await work;
    },
  };
}
