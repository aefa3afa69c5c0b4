/**
 * A work queue of keys. Only one pass runs for a key at a time, and repeated requests for a key collapse into
 * one. Different keys run in parallel up to a limit. Failures back off per key. The queue does not interpret
 * keys.
 * @module
 */
import type { Timer } from "../base/delay.ts";
import { SYSTEM_TIMERS, type Timers } from "../base/timers.ts";
import { toRuneError } from "../model/error.ts";
import type { Outcome } from "./outcome.ts";

/** Options of {@linkcode createQueue}. */
export interface QueueOptions {
  /**
   * One pass over one key. The signal aborts when the queue stops or {@linkcode Queue.interrupt} is called.
   */
  work(key: string, signal: AbortSignal): Promise<Outcome>;
  /** How many keys are processed at once. */
  concurrency: number;
  /**
   * After this many milliseconds a pass no longer counts towards `concurrency`. A slow pass, such as one that
   * waits for a service to stop, must not block other keys. Default: a pass counts until it ends.
   */
  placeMs?: number;
  /** Called after every failed pass. */
  onFailure(key: string, failure: { error: Error; attempt: number; retryInMs: number }): void;
  /** Delay after the first failure; it doubles with each further failure. Default 200 ms. */
  baseDelayMs?: number;
  /** Longest delay. Default 30 s. */
  maxDelayMs?: number;
  /** Source of jitter in [0, 1). Default `Math.random`. */
  random?(): number;
  /** Default: real time. */
  timers?: Timers;
}

/** See the module comment. */
export interface Queue {
  /** Requests a pass over a key as soon as a place is free. */
  add(key: string): void;
  /** Requests a pass after a delay. Of two requests, the earlier one wins. */
  addAfter(key: string, ms: number): void;
  /** Aborts the pass in progress over a key, if any, and requests another. */
  interrupt(key: string): void;
  /** The number of keys that wait or are being processed. */
  readonly depth: number;
  /**
   * Accepts no more keys, aborts passes that still run after `graceMs`, and resolves when all have ended.
   */
  stop(graceMs: number): Promise<void>;
}

/**
 * Passes that only read memory would starve the event loop. After this long the queue yields to other tasks.
 */
const SLICE_MS = 10;

interface Wish {
  timer: Timer;
  due: number;
}

/** Makes a queue; see {@linkcode Queue}. */
export function createQueue(options: QueueOptions): Queue {
  const { placeMs = Infinity, baseDelayMs = 200, maxDelayMs = 30_000, random = Math.random } = options;
  const { timers: time = SYSTEM_TIMERS } = options;
  const waiting = new Set<string>();
  const active = new Map<string, { abort: AbortController; ended: Promise<void> }>();
  /** Keys whose pass counts towards `concurrency`. */
  const withPlace = new Set<string>();
  /** Keys that were requested again during their pass. */
  const again = new Set<string>();
  const timers = new Map<string, Wish>();
  const failures = new Map<string, number>();
  let isStopped = false;
  let sliceBegan = 0;

  function add(key: string): void {
    if (isStopped) return;
    timers.get(key)?.timer.clear();
    timers.delete(key);
    if (active.has(key)) again.add(key);
    else waiting.add(key);
    fill();
  }

  function addAfter(key: string, ms: number): void {
    if (isStopped || waiting.has(key)) return;
    const due = time.now() + ms;
    const known = timers.get(key);
    if (known && known.due <= due) return;
    known?.timer.clear();
    timers.set(key, { timer: time.start(ms, () => add(key)), due });
  }

  function fill(): void {
    if (active.size === 0) sliceBegan = time.now();
    for (const key of waiting) {
      if (withPlace.size >= options.concurrency) return;
      waiting.delete(key);
      withPlace.add(key);
      const abort = new AbortController();
      active.set(key, { abort, ended: run(key, abort.signal) });
    }
  }

  async function run(key: string, signal: AbortSignal): Promise<void> {
    await Promise.resolve(); // `active` must contain the key before the pass begins
    if (time.now() - sliceBegan > SLICE_MS) {
      await time.yieldTurn();
      sliceBegan = time.now();
    }
    const slow = placeMs === Infinity ? undefined : time.start(placeMs, () => {
      withPlace.delete(key);
      fill();
    });
    let outcome: Outcome;
    try {
      outcome = await options.work(key, signal);
    } catch (error) {
      outcome = { type: "failed", error: toRuneError(error) };
    }
    slow?.clear();
    active.delete(key);
    withPlace.delete(key);
    if (outcome.type === "failed" && !signal.aborted) {
      const attempt = (failures.get(key) ?? 0) + 1;
      failures.set(key, attempt);
      const delay = Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1));
      const retryInMs = Math.round(delay * (0.8 + 0.4 * random()));
      addAfter(key, retryInMs);
      try {
        options.onFailure(key, { error: outcome.error, attempt, retryInMs });
      } catch (error) {
        // An error in this callback must not stop the queue.
        reportError(error);
      }
    } else if (outcome.type !== "failed") {
      failures.delete(key);
      if (outcome.type === "again") addAfter(key, outcome.afterMs);
    }
    if (again.delete(key)) add(key);
    else fill();
  }

  return {
    add,
    addAfter,
    interrupt(key) {
      active.get(key)?.abort.abort();
      add(key);
    },
    get depth() {
      return waiting.size + active.size;
    },
    async stop(graceMs) {
      isStopped = true;
      waiting.clear();
      again.clear();
      for (const { timer } of timers.values()) timer.clear();
      timers.clear();
      const all = Promise.all([...active.values()].map((a) => a.ended));
      const { promise: timeout, resolve } = Promise.withResolvers<void>();
      const grace = time.start(graceMs, resolve);
      await Promise.race([all, timeout]);
      grace.clear();
      for (const { abort } of active.values()) abort.abort();
      await all;
    },
  };
}
