/** Writes the progress of an image pull to the instance's message, at most once a second. @module */
import { KeyedLock } from "../../base/keyed_lock.ts";
import type { Instance } from "../../model/instance.ts";
import type { Store } from "../../store/store.ts";

const INTERVAL_MS = 1_000;

/** Writes a runner's pull progress to the instance that waits for the image. */
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
    lock.run(["message"], { work }).catch(() => {}); // The message is not essential; the pull continues.
  };
  return {
    update(text) {
      if (ended || text === latest) return;
      latest = text;
      timer ??= setTimeout(write, Math.min(INTERVAL_MS, writtenAt + INTERVAL_MS - performance.now()));
    },
    /** Stops writing, and resolves after the last write. */
    async end() {
      ended = true;
      clearTimeout(timer);
      await lock.waitForIdle();
    },
  };
}
