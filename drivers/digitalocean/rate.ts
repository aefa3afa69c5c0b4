/**
 * Spreads requests, since DigitalOcean limits them for each token: 250 a minute, 5000 an hour. Everything
 * that uses one token shares one bucket.
 * @module
 */
import { sleep } from "../../base/delay.ts";

/** How many requests may come at once, and the time between two after that, in milliseconds. */
interface Limit {
  burst: number;
  everyMs: number;
}

/** At most 220 in any minute. Some are left for a person with the same token. */
const MINUTE: Limit = { burst: 20, everyMs: 300 };
/** At most 4800 in any hour. */
const HOUR: Limit = { burst: 1200, everyMs: 1000 };
/**
 * How many tokens have a bucket. Only one that is full again gives up its place: otherwise whoever brings
 * many tokens would empty the count of all others. So a new token may have to wait.
 */
const MOST_TOKENS = 1000;

/** The requests of one token. The times are on the clock of {@linkcode RateOptions.now}. */
interface Bucket {
  /** When the bucket has all requests of a minute again. */
  minuteFullAt: number;
  /** When the bucket has all requests of an hour again. */
  hourFullAt: number;
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
  mostTokens?: number;
}

/** Creates full buckets. */
export function createRate({
  now = () => performance.now(),
  wait = (ms, signal) => sleep(ms, { signal }),
  mostTokens = MOST_TOKENS,
}: RateOptions = {}): Rate {
  const buckets = new Map<string, Bucket>();

  function removeFull(): void {
    const time = now();
    for (const [token, { minuteFullAt, hourFullAt }] of buckets) {
      if (Math.max(minuteFullAt, hourFullAt) <= time) buckets.delete(token);
    }
  }

  /** Adds a full bucket. */
  function add(token: string): Bucket {
    const bucket = { minuteFullAt: 0, hourFullAt: 0, closings: 0 };
    buckets.set(token, bucket);
    return bucket;
  }

  /** The bucket of a token; undefined if all places are taken. */
  function find(token: string): Bucket | undefined {
    const bucket = buckets.get(token);
    if (bucket) return bucket;
    if (buckets.size >= mostTokens) removeFull();
    return buckets.size < mostTokens ? add(token) : undefined;
  }

  return {
    async take(token, signal) {
      let bucket: Bucket | undefined;
      while (!(bucket = find(token))) await wait(MINUTE.everyMs, signal);
      let turn: number | undefined;
      while (turn !== bucket.closings) {
        turn = bucket.closings;
        bucket.minuteFullAt = Math.max(bucket.minuteFullAt, now()) + MINUTE.everyMs;
        bucket.hourFullAt = Math.max(bucket.hourFullAt, now()) + HOUR.everyMs;
        const startAt = Math.max(
          bucket.minuteFullAt - MINUTE.burst * MINUTE.everyMs,
          bucket.hourFullAt - HOUR.burst * HOUR.everyMs,
        );
        try {
          await wait(Math.max(startAt - now(), 0), signal);
        } catch (error) {
          if (turn === bucket.closings) {
            bucket.minuteFullAt -= MINUTE.everyMs;
            bucket.hourFullAt -= HOUR.everyMs;
          }
          throw error;
        }
      }
    },
    close(token, ms) {
      // Nobody asks for a token without a bucket, unless the answer came after its bucket was full again.
      const bucket = buckets.get(token) ?? add(token);
      bucket.closings++;
      bucket.minuteFullAt = Math.max(bucket.minuteFullAt, now() + ms + MINUTE.burst * MINUTE.everyMs);
    },
  };
}
