/**
 * Spreads requests, since DigitalOcean limits them for each token: 250 a minute, 5000 an hour. Everything
 * that uses one token shares one bucket.
 * @module
 */
import { sleep } from "../../base/delay.ts";

/**
 * How many requests may come at once, and the time between two after that, in milliseconds. So a minute has
 * at most 220, and some are left for a person with the same token.
 */
const BURST = 20;
const EVERY_MS = 300;
/** How many tokens have a bucket. An older one starts full again. */
const MOST_TOKENS = 64;

/** The requests of one token. */
interface Bucket {
  /** When the bucket is full again, on the clock of {@linkcode RateOptions.now}. */
  fullAt: number;
  /** How often it was closed. A turn that was given before does not count. */
  closings: number;
}

/** Limits the requests of each token. */
export interface Rate {
  /** Waits until a request may start. */
  take(token: string, signal: AbortSignal): Promise<void>;
  /** Lets none start for some time, since DigitalOcean asked for that. They then start one by one. */
  close(token: string, ms: number): void;
}

/** Options of {@linkcode createRate}, for tests. */
export interface RateOptions {
  /** A clock in milliseconds. */
  now?: () => number;
  /** Waits on that clock. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Creates full buckets. */
export function createRate({
  now = () => performance.now(),
  wait = (ms, signal) => sleep(ms, { signal }),
}: RateOptions = {}): Rate {
  const buckets = new Map<string, Bucket>();

  function bucketOf(token: string): Bucket {
    const bucket = buckets.get(token) ?? { fullAt: 0, closings: 0 };
    // The most recent token is the last.
    buckets.delete(token);
    buckets.set(token, bucket);
    if (buckets.size > MOST_TOKENS) buckets.delete(buckets.keys().next().value!);
    return bucket;
  }

  return {
    async take(token, signal) {
      const bucket = bucketOf(token);
      let turn: number | undefined;
      while (turn !== bucket.closings) {
        turn = bucket.closings;
        bucket.fullAt = Math.max(bucket.fullAt, now()) + EVERY_MS;
        try {
          await wait(Math.max(bucket.fullAt - now() - BURST * EVERY_MS, 0), signal);
        } catch (error) {
          if (turn === bucket.closings) bucket.fullAt -= EVERY_MS;
          throw error;
        }
      }
    },
    close(token, ms) {
      const bucket = bucketOf(token);
      bucket.closings++;
      bucket.fullAt = Math.max(bucket.fullAt, now() + ms + BURST * EVERY_MS);
    },
  };
}
