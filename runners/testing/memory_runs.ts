/**
 * Runs in memory, in place of a host. They outlive the runners that use them, as containers outlive a daemon.
 * Only calls of runners, programs that end, and tests change them.
 * @module
 */
import { startTimer, type Timer } from "../../base/delay.ts";
import type { Program } from "../conformance_program.ts";
import type { LogEntry, RunEvent, RunRef, RunSpec, RunState } from "../runner.ts";

/** A run of the host. */
export interface MemoryRun {
  spec: RunSpec;
  program: Program;
  state: RunState;
  output: LogEntry[];
  /** Called when it prints or ends. */
  watchers: Set<() => void>;
  /** Kills it at its time limit. */
  end?: Timer;
}

/** Options of the runs. */
export interface MemoryRunsOptions {
  /**
   * The behaviour of a run's main process. Default: what `memoryProgram` wrote into its variables, else it
   * obeys SIGTERM.
   */
  programOf?: (spec: RunSpec) => Program;
  /** Starts a timer that outlives the daemon. */
  after?: (ms: number, fire: () => void) => Timer;
  /** How often an event reaches each listener; 0 loses it. Default: once. */
  copiesOf?: (event: RunEvent) => number;
}

const VARIABLE = "MEMORY_PROGRAM";
const OBEYS: Program = { heeds: { SIGTERM: 0 } };

/** The variable that sets the program of a run in memory. */
export const memoryProgram = (program: Program): Record<string, string> => ({
  [VARIABLE]: JSON.stringify(program),
});

const keyOf = ({ instanceUid, run, step = "" }: RunRef) => `${instanceUid} ${run} ${step}`;

/** See the module comment. */
export class MemoryRuns {
  readonly #runs = new Map<string, MemoryRun>();
  readonly #options: MemoryRunsOptions;
  #listeners = new Set<(event: RunEvent) => void>();
  #made = 0;

  constructor(options: MemoryRunsOptions = {}) {
    this.#options = options;
  }

  get(ref: RunRef): MemoryRun | undefined {
    return this.#runs.get(keyOf(ref));
  }

  all(): MemoryRun[] {
    return [...this.#runs.values()];
  }

  /** Creates a run, which must not exist yet. */
  create(spec: RunSpec): MemoryRun {
    const { instanceUid, run, step, namespace, service, instance } = spec;
    const number = ++this.#made;
    const written = spec.env[VARIABLE];
    const program = this.#options.programOf?.(spec) ??
      (written === undefined ? OBEYS : JSON.parse(written) as Program);
    const made: MemoryRun = {
      spec: structuredClone(spec),
      program,
      state: {
        ...{ instanceUid, run, namespace, service, instance },
        ...(step !== undefined && { step }),
        state: "created",
        handle: `memory-${number}`,
      },
      output: [],
      watchers: new Set(),
    };
    this.#runs.set(keyOf(spec), made);
    this.#tell(made);
    return made;
  }

  /** Starts a created run. */
  start(run: MemoryRun): void {
    const { spec, program } = run;
    const number = Number(run.state.handle!.slice("memory-".length));
    run.state = {
      ...run.state,
      state: "running",
      startedAt: new Date().toISOString(),
      pid: 100_000 + number,
      ip: `10.${number >> 16 & 255}.${number >> 8 & 255}.${number & 255}`,
      names: [...spec.aliases, spec.instance],
      ...(spec.joinsShared && { sharedNames: [] }),
    };
    for (const line of program.says ?? []) {
      if (typeof line === "string") this.#print(run, { stream: "stdout", text: line });
      else this.#print(run, { stream: "stderr", text: line.stderr });
    }
    const { exits, afterMs = 0 } = program;
    if (exits !== undefined) run.end = this.after(afterMs, () => this.end(run, { exitCode: exits }));
    this.#tell(run);
  }

  /** Ends a running run. Does nothing if it does not run. */
  end(run: MemoryRun, how: { exitCode: number; lastWords?: string }): void {
    if (run.state.state !== "running") return;
    run.end?.clear();
    if (how.lastWords !== undefined) this.#print(run, { stream: "stdout", text: how.lastWords });
    const { paused: _p, pid: _i, ip: _a, names: _n, sharedNames: _s, ...kept } = run.state;
    run.state = {
      ...kept,
      state: "exited",
      exitCode: how.exitCode,
      finishedAt: new Date().toISOString(),
    };
    this.#tell(run);
  }

  /** Changes the recorded state of a run. */
  change(run: MemoryRun, change: Partial<RunState>): void {
    run.state = { ...run.state, ...change };
    this.#tell(run);
  }

  /** Resumes a paused run. */
  resume(run: MemoryRun): void {
    const { paused, ...state } = run.state;
    if (!paused) return;
    run.state = state;
    this.#tell(run);
  }

  remove(run: MemoryRun): void {
    this.#runs.delete(keyOf(run.spec));
    this.#tell(run);
  }

  after(ms: number, fire: () => void): Timer {
    return (this.#options.after ?? startTimer)(ms, fire);
  }

  /** Resolves at the next change of a run, or when the signal aborts. */
  async waitForChange(run: MemoryRun, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    run.watchers.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    run.watchers.delete(resolve);
  }

  /** Calls `listener` for every event from now on. @returns a function that stops this. */
  listen(listener: (event: RunEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Removes all listeners, since their daemon is dead. */
  forgetListeners(): void {
    this.#listeners.clear();
    for (const run of this.all()) run.watchers.clear();
  }

  #print(run: MemoryRun, line: Pick<LogEntry, "stream" | "text">): void {
    run.output.push({ ...line, time: new Date().toISOString() });
    for (const wake of [...run.watchers]) wake();
  }

  #tell(run: MemoryRun): void {
    for (const wake of [...run.watchers]) wake();
    const { instanceUid, run: number, step, namespace, instance } = run.spec;
    const ref: RunRef = { instanceUid, run: number, ...(step !== undefined && { step }) };
    const event: RunEvent = { type: "changed", ref, namespace, instance };
    for (let copies = this.#options.copiesOf?.(event) ?? 1; copies > 0; copies--) {
      for (const listener of [...this.#listeners]) listener(event);
    }
  }
}
