/**
 * When a probe is asked: on a grid that neither drifts nor overlaps, and more often until it has passed once.
 * @module
 */
import { pause } from "../../base/delay.ts";
import type { ProbeAnswer } from "./tracker.ts";

/** Tries between the points of the grid before the first success: the wait for the next, in milliseconds. */
const EAGER_FIRST_MS = 100;
const EAGER_MOST_MS = 1000;

/** What {@linkcode runProbe} needs. */
export interface ProbeLoop {
  intervalMs: number;
  /** The first point of the grid, on the clock of `performance.now()`, which nobody sets. */
  firstAt: number;
  /** Also try between the points of the grid until it has passed; only a success counts then. */
  eager: boolean;
  /** One question; undefined when nothing can be said of it (the engine is out of reach). */
  ask(signal: AbortSignal): Promise<ProbeAnswer | undefined>;
  onAnswer(answer: ProbeAnswer): void;
  /** Told of what `ask` or a listener throws: it says nothing of the instance, and the loop goes on. */
  onFault(error: unknown): void;
  /** Told of the next point of the grid. */
  onPlanned?(at: number): void;
  signal: AbortSignal;
}

/** The first point of the grid at or after `now`; points that were missed are left out, never made up for. */
export function nextPoint(point: number, { now, intervalMs }: { now: number; intervalMs: number }): number {
  return point >= now ? point : point + Math.ceil((now - point) / intervalMs) * intervalMs;
}

/** Asks a probe again and again until the signal aborts; a question is over before the next begins. */
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
    await pause(early ? eagerMs : Math.max(0, due - now), signal);
    if (signal.aborted) return;
    const answer = await ask(signal).catch((error) => loop.onFault(error) as undefined);
    if (signal.aborted) return;
    if (answer?.ok) eager = false;
    if (answer && (!early || answer.ok)) attempt(() => onAnswer(answer));
    if (early && eager) eagerMs = Math.min(EAGER_MOST_MS, eagerMs * 2);
    else due = nextPoint(due + intervalMs, { now: performance.now(), intervalMs });
  }
}
