/** Waiting a while. @module */
import { setTimeout } from "node:timers/promises";

/** Milliseconds between looks at something that the Engine is busy with, and how many at most. */
export const BUSY = { everyMs: 50, times: 200 };

/** Resolves after `ms` milliseconds, or as soon as the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => {});
}
