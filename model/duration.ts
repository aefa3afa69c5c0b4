/** Durations as users write them: `500ms`, `30s`, `5m`, `2h`, `30d`, also `1h30m`. @module */
import { z } from "zod";
import { RuneError } from "./error.ts";
import { textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SHAPE = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const HINT = "write a number and a unit: 500ms, 30s, 5m, 2h, 30d";
/** A hundred years: any date plus this is still a date. */
const MOST = "36500d";
const MOST_MS = 36_500 * UNITS.d!;
/** The longest wait for anything: a year. */
export const LONGEST_WAIT = "366d";

/** Parses a duration of any length to milliseconds; undefined if the text is not a duration. */
function parse(text: string): number | undefined {
  if (text === "0") return 0;
  if (text.length > LIMITS.word || !SHAPE.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(number) * UNITS[unit!]!;
  }
  return Math.round(total);
}

/**
 * Parses a duration to milliseconds.
 *
 * @throws {RuneError} `invalid_argument` if the text is not a duration.
 */
export function parseDuration(text: string): number {
  const ms = parse(text);
  if (ms === undefined) {
    throw new RuneError("invalid_argument", `"${text}" is not a duration`, { hint: HINT });
  }
  if (ms > MOST_MS) {
    throw new RuneError("invalid_argument", `the duration ${text} is too long`, { hint: `at most ${MOST}` });
  }
  return ms;
}

export { formatAge } from "./format.ts";

/** A duration, stored as written. */
const anyDuration = textUpTo(LIMITS.word).refine((text) => parse(text) !== undefined, {
  error: `expected a duration: ${HINT}`,
  abort: true,
});

/** A duration between two bounds, stored as written. @param why explains the lower bound. */
export function durationBetween(least: string, most: string, { why }: { why?: string } = {}) {
  const [leastMs, mostMs] = [parseDuration(least), parseDuration(most)];
  return anyDuration.pipe(
    z.string().superRefine((text, ctx) => {
      const ms = parse(text)!;
      if (ms >= leastMs && ms <= mostMs) return;
      const message = ms > mostMs
        ? `expected at most ${most}, found ${text}`
        : `expected at least ${least}, found ${text}${why === undefined ? "" : `: ${why}`}`;
      ctx.addIssue({ code: "custom", message });
    }),
  );
}

/** A duration of up to a hundred years. */
export const durationSchema = durationBetween("0s", MOST);
