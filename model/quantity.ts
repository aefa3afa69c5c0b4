/**
 * Quantities in Kubernetes' syntax: bytes (`10Gi`, `500M`, `1e9`, a bare integer) and CPU (`100m`, `0.5`).
 * @module
 */
import { RuneError } from "./error.ts";
import { textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";

const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL = new Map(
  Object.entries({ m: -3, "": 0, k: 3, K: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }),
);
const NUMBER = /^(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,3}))?$/;
const SUFFIXED = /^(\d+(?:\.\d*)?|\.\d+)([a-zA-Z]+)$/;

/** A decimal number as an exact fraction: `digits` / 10^`scale`. */
function fraction(text: string): { digits: bigint; scale: number } {
  const [whole = "", part = ""] = text.split(".");
  return { digits: BigInt(whole + part || "0"), scale: part.length };
}

/** `digits × 10^power × factor`, rounded up to an integer. */
function scaleUp(number: { digits: bigint; scale: number }, power: number, factor: bigint): bigint {
  const exponent = power - number.scale;
  const value = number.digits * factor;
  if (exponent >= 0) return value * 10n ** BigInt(exponent);
  const divisor = 10n ** BigInt(-exponent);
  return (value + divisor - 1n) / divisor;
}

/** @returns undefined if `text` is not a quantity. */
function parse(text: string, extraPower: number): bigint | undefined {
  if (text.length > LIMITS.word) return undefined;
  const plain = NUMBER.exec(text);
  if (plain) return scaleUp(fraction(plain[1]!), Number(plain[2] ?? 0) + extraPower, 1n);
  const suffixed = SUFFIXED.exec(text);
  if (!suffixed) return undefined;
  const [, number, suffix] = suffixed;
  const binary = BINARY.indexOf(suffix!);
  if (binary > 0) return scaleUp(fraction(number!), extraPower, 1024n ** BigInt(binary));
  const power = DECIMAL.get(suffix!);
  return power === undefined ? undefined : scaleUp(fraction(number!), power + extraPower, 1n);
}

function toSafeNumber(value: bigint | undefined): number | undefined {
  return value === undefined || value > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(value);
}

/**
 * Parses a size to bytes, rounding up.
 *
 * @throws {RuneError} `invalid_argument` if it is not a size, or more than 2^53-1 bytes.
 */
export function parseBytes(text: string): number {
  const bytes = toSafeNumber(parse(text, 0));
  if (bytes === undefined) {
    throw new RuneError("invalid_argument", `"${text}" is not a size`, { hint: BYTES_HINT });
  }
  return bytes;
}

/**
 * Parses a CPU quantity to thousandths (`0.5` and `500m` are 500), rounding up.
 *
 * @throws {RuneError} `invalid_argument` if it is not a CPU quantity.
 */
export function parseMilliCpu(text: string): number {
  const milli = toSafeNumber(parse(text, 3));
  if (milli === undefined) {
    throw new RuneError("invalid_argument", `"${text}" is not a CPU quantity`, { hint: CPU_HINT });
  }
  return milli;
}

const BYTES_HINT = "write bytes with a suffix: 10Gi, 500Mi, 1G; a bare integer is bytes";
const CPU_HINT = "write cores or thousandths of one: 2, 0.5, 100m";

export { formatBytes } from "./format.ts";

/** A size in bytes, stored as written. */
export const bytesSchema = textUpTo(LIMITS.word).refine(
  (t) => toSafeNumber(parse(t, 0)) !== undefined,
  {
    error: `expected a size: ${BYTES_HINT}`,
    abort: true,
  },
);

/** A CPU quantity, stored as written. */
export const cpuSchema = textUpTo(LIMITS.word).refine(
  (t) => toSafeNumber(parse(t, 3)) !== undefined,
  {
    error: `expected a CPU quantity: ${CPU_HINT}`,
    abort: true,
  },
);
