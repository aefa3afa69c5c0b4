/** Limits failed attempts with a token bucket for each address. @module */

/** How many attempts may fail at once. */
const BURST = 10;
/** The bucket gains one attempt in this time. */
const REFILL_MS = 6_000;
/** How many addresses are remembered; the least recently seen is forgotten first. */
const MAX_ADDRESSES = 10_000;

/** Counts failed attempts by address. */
export interface RateLimit {
  /** How long until this address may try again, in milliseconds; 0 if it may try now. */
  waitMs(address: string): number;
  /** Counts a failure. */
  fail(address: string): void;
}

/**
 * The key by which an address is counted. All addresses of an IPv6 /64 count as one, since one host may have
 * all of them.
 */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  if (!address.includes(":")) return address;
  const [head = "", tail = ""] = address.split("::");
  const parts = head === "" ? [] : head.split(":");
  const rest = address.includes("::") && tail !== "" ? tail.split(":") : [];
  const whole = address.includes("::")
    ? [...parts, ...Array(8 - parts.length - rest.length).fill("0"), ...rest]
    : parts;
  return `${whole.slice(0, 4).join(":")}::/64`;
}

/** Creates a limit. @param now the clock, in milliseconds; tests pass their own. */
export function createRateLimit(now: () => number = () => performance.now()): RateLimit {
  /** The failures in each bucket, and the time of the last update. */
  const buckets = new Map<string, { failures: number; at: number }>();
  const level = (key: string) => {
    const bucket = buckets.get(key);
    return bucket ? Math.max(0, bucket.failures - (now() - bucket.at) / REFILL_MS) : 0;
  };
  return {
    waitMs(address) {
      const over = level(addressKey(address)) - (BURST - 1);
      return over <= 0 ? 0 : Math.ceil(over * REFILL_MS);
    },
    fail(address) {
      const key = addressKey(address);
      const failures = Math.min(BURST, level(key) + 1);
      buckets.delete(key);
      if (buckets.size >= MAX_ADDRESSES) buckets.delete(buckets.keys().next().value!);
      buckets.set(key, { failures, at: now() });
    },
  };
}
