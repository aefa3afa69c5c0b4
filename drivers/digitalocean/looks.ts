/**
 * Looks for something at DigitalOcean several times. A read may show what was a moment ago, so one look that
 * does not find something says little.
 * @module
 */
import { sleep } from "../../base/delay.ts";
import { isRefusal } from "./refusals.ts";

/** How often and how long to look for something that should be there, in milliseconds. */
export const LOOKS = { times: 5, everyMs: 2_000 };

/** Looks until something is there. @returns undefined if no look found it. */
export async function lookFor<T>(
  look: () => Promise<T | undefined>,
  { times = LOOKS.times, everyMs, signal }: { times?: number; everyMs: number; signal: AbortSignal },
): Promise<T | undefined> {
  for (let count = 1;; count++) {
    const found = await look();
    if (found !== undefined || count === times) return found;
    await sleep(everyMs, { signal });
  }
}

/** The answer to a request; undefined if DigitalOcean does not know what it is about. */
export async function ignoreUnknown<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}
