/**
 * A runner over runs in memory. It keeps every promise of the contract that needs no kernel
 * (`conformance_lifecycle.ts`). Inside a run it can execute only the commands `true` and `false`. Each call
 * goes through a gate.
 * @module
 */
import { type Gate, OPEN_GATE, passGate } from "../../base/testing/gate.ts";
import { RuneError } from "../../model/error.ts";
import type { ExecSession, LogEntry, LogOptions, RunEvent, Runner, RunRef, RunState } from "../runner.ts";
import type { MemoryRun, MemoryRuns } from "./memory_runs.ts";

/** Options of the memory runner. */
export interface MemoryRunnerOptions {
  runs: MemoryRuns;
  name?: Runner["name"];
  gate?: Gate;
}

const KILLED = 128 + 9;
const LISTEN = "events";

/** Creates a runner, as a daemon does at its start: it knows only the runs that the host has. */
export function createMemoryRunner(
  { runs, name = "docker", gate = OPEN_GATE }: MemoryRunnerOptions,
): Runner {
  const pass = <T>(
    call: string,
    ref: RunRef | undefined,
    signal: AbortSignal,
    work: () => T | Promise<T>,
  ) => {
    const subject = ref ? describeRef(ref) : "all runs";
    return passGate(gate, { name: `runner.${call}`, subject, signal }, () => {
      if (signal.aborted) throw abortedError(call, signal);
      return work();
    });
  };
  const require = (ref: RunRef): MemoryRun => {
    const run = runs.get(ref);
    if (run) return run;
    throw new RuneError("not_found", `run ${describeRef(ref)} does not exist`);
  };
  const inspect = (ref: RunRef): RunState => {
    const { instanceUid, run, step } = ref;
    const absent: RunState = { instanceUid, run, ...(step !== undefined && { step }), state: "absent" };
    return structuredClone(runs.get(ref)?.state ?? absent);
  };

  return {
    name,
    check: (signal) => pass("check", undefined, signal, () => {}),
    create: (spec, signal) =>
      pass("create", spec, signal, () => {
        if (!runs.get(spec)) runs.create(spec);
        return inspect(spec);
      }),
    rehearse: (spec, { signal }) => pass("rehearse", spec, signal, () => {}),
    start: (ref, signal) =>
      pass("start", ref, signal, () => {
        const run = require(ref);
        if (run.state.state === "created") runs.start(run);
        return inspect(ref);
      }),
    stop: (ref, { timeoutMs, stopSignal, signal }) =>
      pass("stop", ref, signal, async () => {
        const run = runs.get(ref);
        if (run?.state.state !== "running") return inspect(ref);
        const killed = await stop(run, { timeoutMs, stopSignal, signal });
        return { ...inspect(ref), ...(killed && { killed: true as const }) };
      }),
    pause: (ref, signal) =>
      pass("pause", ref, signal, () => {
        const run = runs.get(ref);
        if (run?.state.state === "running" && !run.state.paused) runs.change(run, { paused: true });
        return inspect(ref);
      }),
    resume: (ref, signal) =>
      pass("resume", ref, signal, () => {
        const run = runs.get(ref);
        if (run) runs.resume(run);
        return inspect(ref);
      }),
    remove: (ref, signal) =>
      pass("remove", ref, signal, () => {
        const run = runs.get(ref);
        if (run?.state.state === "running") {
          throw new RuneError("conflict", `run ${describeRef(ref)} runs`, { hint: "stop it first" });
        }
        if (run) runs.remove(run);
      }),
    inspect: (ref, signal) => pass("inspect", ref, signal, () => inspect(ref)),
    ...(name === "docker" && {
      publish: (ref, { names, sharedNames, signal }) =>
        pass("publish", ref, signal, () => {
          const run = runs.get(ref);
          if (run?.state.state !== "running") return;
          runs.change(run, { names: [...names], ...(sharedNames && { sharedNames: [...sharedNames] }) });
        }),
    } satisfies Pick<Runner, "publish">),
    list: (signal) => pass("list", undefined, signal, () => runs.all().map(({ spec }) => inspect(spec))),
    events: (signal) => listen(signal),
    async logs(ref, options) {
      return await pass("logs", ref, options.signal, () => readLog(require(ref), options));
    },
    exec: (ref, { command, signal }) =>
      pass("exec", ref, signal, () => {
        const { state } = require(ref);
        if (state.state === "running" && !state.paused) return endAtOnce(command[0] === "true" ? 0 : 1);
        throw new RuneError("conflict", `run ${describeRef(ref)} does not run, or is paused`);
      }),
  };

  /**
   * Asks a run to end and kills it at the time limit, even if nobody waits any more.
   * @returns whether it was killed.
   */
  async function stop(
    run: MemoryRun,
    { timeoutMs, stopSignal, signal }: { timeoutMs: number; stopSignal?: string; signal: AbortSignal },
  ): Promise<boolean> {
    runs.resume(run);
    const asked = stopSignal ?? run.spec.stopSignal ?? "SIGTERM";
    const code = run.program.heeds?.[asked];
    let killed = false;
    if (code !== undefined && timeoutMs > 0) {
      const { lastWords } = run.program;
      runs.end(run, { exitCode: code, ...(lastWords !== undefined && { lastWords }) });
    } else {
      const kill = () => {
        killed = run.state.state === "running";
        runs.end(run, { exitCode: KILLED });
      };
      if (timeoutMs === 0) kill();
      else runs.after(timeoutMs, kill);
    }
    while (run.state.state === "running") {
      if (signal.aborted) throw abortedError("stop", signal);
      await runs.waitForChange(run, signal);
    }
    return killed;
  }

  async function* listen(signal: AbortSignal): AsyncGenerator<RunEvent> {
    const waiting: RunEvent[] = [];
    let wake = () => {};
    const end = runs.listen((event) => {
      waiting.push(event);
      wake();
    });
    signal.addEventListener("abort", () => wake(), { once: true });
    try {
      await gate.enter({ name: `runner.${LISTEN}`, subject: "all runs", signal });
      yield { type: "resync" };
      while (!signal.aborted) {
        for (const event of waiting.splice(0)) yield event;
        if (signal.aborted || waiting.length > 0) continue;
        await new Promise<void>((resolve) => wake = resolve);
      }
    } finally {
      end();
    }
  }

  function readLog(run: MemoryRun, { follow, tail, signal }: LogOptions): ReadableStream<LogEntry> {
    // Now, not at the first read: everything that it prints from here on follows.
    let at = tail === undefined ? 0 : Math.max(0, run.output.length - tail);
    return ReadableStream.from((async function* () {
      while (!signal.aborted) {
        while (at < run.output.length) yield run.output[at++]!;
        if (!follow || run.state.state !== "running") return;
        await runs.waitForChange(run, signal);
      }
    })());
  }
}

function endAtOnce(code: number): ExecSession {
  return {
    output: ReadableStream.from([]),
    input: new WritableStream(),
    sizes: new WritableStream(),
    exitCode: Promise.resolve(code),
  };
}

function describeRef({ instanceUid, run, step }: RunRef): string {
  return `${instanceUid}/${run}${step === undefined ? "" : `/${step}`}`;
}

function abortedError(call: string, { reason }: AbortSignal): RuneError {
  const late = reason instanceof DOMException && reason.name === "TimeoutError";
  return new RuneError(late ? "deadline_exceeded" : "unavailable", `${call} was cut short`, {
    cause: reason,
  });
}
