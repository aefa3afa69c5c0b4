/**
 * Spreads requests, since DigitalOcean limits them for each token: 250 a minute, 5000 an hour. Everything
 * that uses one token shares one bucket.
 * @module
 */
import { sleep } from "../../base/delay.ts";

/** How many requests may come at once, and how many a second after that. */
const BURST = 20;
const PER_SECOND = 4;
/** How many tokens have a bucket. An older one starts full again. */
const MOST_TOKENS = 64;

/** The requests of one token. */
interface Bucket {
  /** How many may start now. Below 0 are those that wait. */
  left: number;
  /** When `left` was computed, and until when nothing may start, in milliseconds of `performance.now()`. */
  at: number;
  closedUntil: number;
}

/** Limits the requests of each token. */
export interface Rate {
  /** Waits until a request may start. */
  take(token: string, signal: AbortSignal): Promise<void>;
  /** Lets none start for some time, since DigitalOcean asked for that. */
  close(token: string, ms: number): void;
}

/** Creates full buckets. */
export function createRate(): Rate {
  const buckets = new Map<string, Bucket>();

  function bucketOf(token: string): Bucket {
    const now = performance.now();
    const bucket = buckets.get(token) ?? { left: BURST, at: now, closedUntil: 0 };
    bucket.left = Math.min(BURST, bucket.left + (now - bucket.at) / 1000 * PER_SECOND);
    bucket.at = now;
    // The most recent token is the last.
    buckets.delete(token);
    buckets.set(token, bucket);
    if (buckets.size > MOST_TOKENS) buckets.delete(buckets.keys().next().value!);
    return bucket;
  }

  return {
    async take(token, signal) {
      const bucket = bucketOf(token);
      const waitMs = Math.max(-(bucket.left - 1) / PER_SECOND * 1000, 0);
      bucket.left--;
      try {
        await sleep(waitMs, { signal });
        for (let ms; (ms = bucket.closedUntil - performance.now()) > 0;) await sleep(ms, { signal });
      } catch (error) {
        bucket.left++;
        throw error;
      }
    },
    close(token, ms) {
      const bucket = bucketOf(token);
      bucket.closedUntil = Math.max(bucket.closedUntil, performance.now() + ms);
    },
  };
}
