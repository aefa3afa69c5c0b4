/**
 * Schedules a probe: at fixed points that neither drift nor overlap, and more often until it has passed once.
 * @module
 */
import { sleepQuietly } from "../../base/delay.ts";
import type { ProbeAnswer } from "./tracker.ts";

/** The waits between extra attempts before the first success, in milliseconds. */
const EAGER_FIRST_MS = 100;
const EAGER_MOST_MS = 1000;

/** Options of {@linkcode runProbe}. */
export interface ProbeLoop {
  intervalMs: number;
  /** The first point, on the monotonic clock of `performance.now()`. */
  firstAt: number;
  /** Make extra attempts between the points until the probe has passed. Only their success counts. */
  eager: boolean;
  /**
   * Probes once; undefined if the result says nothing about the instance, as when the Engine is unreachable.
   */
  ask(signal: AbortSignal): Promise<ProbeAnswer | undefined>;
  onAnswer(answer: ProbeAnswer): void;
  /** Called if `ask` or a listener throws, which says nothing about the instance. The loop continues. */
  onFault(error: unknown): void;
  /** Called with the next point. */
  onPlanned?(at: number): void;
  signal: AbortSignal;
}

/** The first point at or after `now`. Missed points are skipped. */
export function nextPoint(point: number, { now, intervalMs }: { now: number; intervalMs: number }): number {
  return point >= now ? point : point + Math.ceil((now - point) / intervalMs) * intervalMs;
}

/** Runs a probe until the signal aborts, one attempt at a time. */
export async function runProbe(loop: ProbeLoop): Promise<void> {
  const { intervalMs, signal, ask, onAnswer } = loop;
  const attempt = (tell: () => void) => {
    try {
      tell();
    } catch (error) {
      loop.onFault(error);
    }
  };
  let due = loop.firstAt;
  let eager = loop.eager;
  let eagerMs = EAGER_FIRST_MS;
  while (!signal.aborted) {
    attempt(() => loop.onPlanned?.(due));
    const now = performance.now();
    const early = eager && due - now > eagerMs && now >= loop.firstAt;
    await sleepQuietly(early ? eagerMs : Math.max(0, due - now), signal);
    if (signal.aborted) return;
    const answer = await ask(signal).catch((error) => loop.onFault(error) as undefined);
    if (signal.aborted) return;
    if (answer?.ok) eager = false;
    if (answer && (!early || answer.ok)) attempt(() => onAnswer(answer));
    if (early && eager) eagerMs = Math.min(EAGER_MOST_MS, eagerMs * 2);
    else due = nextPoint(due + intervalMs, { now: performance.now(), intervalMs });
  }
}
