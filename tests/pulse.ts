/**
 * A worker that measures a daemon's pulse: it requests `/healthz` again and again in its own thread, so that
 * a busy test does not look like a stalled daemon. It measures the CPU time that the daemon's thread used
 * between question and answer, which does not depend on the machine's load.
 * @module
 */
/// <reference lib="deno.worker" />
import { readCpuMs } from "../base/testing/cpu_time.ts";

/** A worker's report since the last one. */
export interface Lap {
  /** The most CPU time that the daemon used before an answer, in milliseconds. */
  longestMs: number;
  answers: number;
}

/** A running pulse. */
export interface Pulse extends Disposable {
  /** Ends a lap and begins the next. */
  lap(): Promise<Lap>;
}

/** Starts to measure a daemon. */
export function feelPulse({ url, pid }: { url: string; pid: number }): Pulse {
  const worker = new Worker(import.meta.url, { type: "module" });
  worker.postMessage({ url, pid });
  return {
    lap() {
      const { promise, resolve } = Promise.withResolvers<Lap>();
      worker.onmessage = ({ data }) => resolve(data);
      worker.postMessage("lap");
      return promise;
    },
    [Symbol.dispose]: () => worker.terminate(),
  };
}

const PAUSE_MS = 5;

async function ask({ url, pid }: { url: string; pid: number }): Promise<void> {
  let lap: Lap = { longestMs: 0, answers: 0 };
  self.onmessage = () => {
    self.postMessage(lap);
    lap = { longestMs: 0, answers: 0 };
  };
  const thread = `${pid}/task/${pid}`;
  for (;;) {
    const began = readCpuMs(thread);
    const answer = await fetch(`${url}/healthz`);
    await answer.body?.cancel();
    lap.longestMs = Math.max(lap.longestMs, readCpuMs(thread) - began);
    lap.answers++;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

if (typeof WorkerGlobalScope !== "undefined") self.onmessage = ({ data }) => void ask(data);
