/** Limits how often an address may fail: a bucket of attempts each, refilled over time. @module */

/** Attempts at once. */
const BURST = 10;
/** One more attempt after this many milliseconds. */
const REFILL_MS = 6_000;
/** Addresses remembered; the one that was heard of longest ago is forgotten first. */
const MAX_ADDRESSES = 10_000;

/** See the module comment. */
export interface RateLimit {
  /** Milliseconds until this address may try again; 0 when it may now. */
  waitMs(address: string): number;
  /** Counts a failure. */
  fail(address: string): void;
}

/** What is counted as one: an IPv6 host has a whole /64 to call from. */
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

/** @param now milliseconds; tests give their own clock. */
export function createRateLimit(now: () => number = () => performance.now()): RateLimit {
  /** Failures counted, as of a time. */
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
