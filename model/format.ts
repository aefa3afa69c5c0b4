/** Formats ages and sizes for people. Uses no schemas, so that read-only clients start fast. @module */
import type { Shortage } from "../base/room.ts";

const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/**
 * The two largest units, as kubectl shows ages: `45s`, `12m`, `3h20m`, `2d4h`. Less than a second is `0s`.
 */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10 && seconds % 60 !== 0) return `${minutes}m${seconds % 60}s`;
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 10 && minutes % 60 !== 0) return `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  return days < 10 && hours % 24 !== 0 ? `${days}d${hours % 24}h` : `${days}d`;
}

/** The time that is left, rounded up: 30 days that began a moment ago are `30d`, not `29d`. */
export function formatTimeLeft(ms: number): string {
  const step = ms > 3_600_000 ? 60_000 : 1000;
  return formatAge(Math.ceil(ms / step) * step);
}

/** Bytes in binary units with at most one decimal: 1536 is `1.5Ki`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BINARY.length - 1) {
    value /= 1024;
    unit++;
  }
  const text = Number.isInteger(value) ? String(value) : value.toFixed(1).replace(/\.0$/, "");
  return text + BINARY[unit];
}

/** What a filesystem lacks, in a sentence. */
export function describeShortage({ of, total }: Shortage): string {
  return of === "bytes"
    ? `no room is left of ${formatBytes(total)}`
    : `it has no room for one more file (${total} are the most)`;
}
