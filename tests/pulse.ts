/**
 * A worker that feels a daemon's pulse: asks `/healthz` again and again, in a thread of its own, so that what
 * the test does in its thread is not taken for a daemon that stands still. What counts is what the daemon's
 * thread computed between question and answer: unlike the time that passed, it is the same on a machine where
 * others work too.
 * @module
 */
/// <reference lib="deno.worker" />

/** What a worker says of the time since it was asked last. */
export interface Lap {
  /** Most that the daemon computed before it gave an answer, in milliseconds of CPU. */
  longestMs: number;
  answers: number;
}

/** A running pulse. */
export interface Pulse extends Disposable {
  /** Ends a lap and begins the next. */
  lap(): Promise<Lap>;
}

/** Starts to ask a daemon. */
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

/**
 * CPU time of a process's first thread, the one that runs its JavaScript, in milliseconds (proc(5),
 * sched-stats).
 */
function computedMs(pid: number): number {
  return Number(Deno.readTextFileSync(`/proc/${pid}/task/${pid}/schedstat`).split(" ")[0]) / 1e6;
}

async function ask({ url, pid }: { url: string; pid: number }): Promise<void> {
  let lap: Lap = { longestMs: 0, answers: 0 };
  self.onmessage = () => {
    self.postMessage(lap);
    lap = { longestMs: 0, answers: 0 };
  };
  for (;;) {
    const began = computedMs(pid);
    const answer = await fetch(`${url}/healthz`);
    await answer.body?.cancel();
    lap.longestMs = Math.max(lap.longestMs, computedMs(pid) - began);
    lap.answers++;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

if (typeof WorkerGlobalScope !== "undefined") self.onmessage = ({ data }) => void ask(data);
