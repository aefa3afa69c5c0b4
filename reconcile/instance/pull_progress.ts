/** How far the pull of an image is, told as the instance's message, at most once a second. @module */
import { KeyedLock } from "../../base/keyed_lock.ts";
import type { Instance } from "../../model/instance.ts";
import type { Store } from "../../store/store.ts";

const INTERVAL_MS = 1_000;

/** Takes what a runner tells of a pull, and writes it to an instance that waits for it. */
export function pullProgress(
  store: Store,
  instance: Instance,
): { update(text: string): void; end(): Promise<void> } {
  let latest: string | undefined;
  const lock = new KeyedLock();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  let writtenAt = -Infinity;

  const write = () => {
    timer = undefined;
    writtenAt = performance.now();
    const message = latest!;
    const work = () =>
      store.transact((tx) => {
        const now = tx.get("instance", instance.namespace, instance.name);
        if (ended || now?.uid !== instance.uid || now.status.message === message) return;
        tx.update(now, { status: { ...now.status, message } });
      });
    lock.run(["message"], { work }).catch(() => {}); // It only tells: the pull itself goes on.
  };
  return {
    update(text) {
      if (ended || text === latest) return;
      latest = text;
      timer ??= setTimeout(write, Math.min(INTERVAL_MS, writtenAt + INTERVAL_MS - performance.now()));
    },
    /** Resolves when nothing more is written. */
    async end() {
      ended = true;
      clearTimeout(timer);
      await lock.waitForIdle();
    },
  };
}
