/** Purges deleted volumes from the trash after their retention. @module */
import type { Logger } from "@logtape/logtape";
import { KeyedLock } from "../base/keyed_lock.ts";
import type { TrashOwner } from "../drivers/entry.ts";
import { type Clock, elapsedMs } from "../base/clock.ts";
import { toRuneError } from "../model/error.ts";

/** How often the trash is checked. */
const PURGE_INTERVAL_MS = 10 * 60_000;

/**
 * Finishes interrupted work of the trash's owner once, and then regularly purges what is past its retention.
 */
export function keepTrash(
  owner: TrashOwner,
  { clock, logger }: { clock: Clock; logger: Logger },
): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const report = (what: string) => (error: unknown) => {
    if (stopped.signal.aborted) return;
    logger.warn("{what}: {message}", { what, message: toRuneError(error).message });
  };
  const purge = async () => {
    const count = await owner.purge((at) => elapsedMs(at, clock.now()), stopped.signal);
    if (count > 0) logger.info("purged {count} deleted volumes from the trash", { count });
  };
  const lock = new KeyedLock();
  const run = (work: () => Promise<void>, what: string) =>
    void lock.run(["trash"], { work }).catch(report(what));
  run(() => owner.sweep(stopped.signal), "the sweep of the volume root");
  run(purge, "the purge of the trash");
  const timer = setInterval(() => run(purge, "the purge of the trash"), PURGE_INTERVAL_MS);
  return {
    async stop() {
      clearInterval(timer);
      stopped.abort();
      await lock.waitForIdle();
    },
  };
}
