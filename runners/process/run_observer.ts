/** What is certain of a run: looks at it, and settles first what is undecided. @module */
import type { RunState } from "../runner.ts";
import { isPaused } from "./pause.ts";
import { type Observation, observe } from "./observe.ts";
import { abandon, type RunFiles } from "./records.ts";
import { isLiving, toState } from "./run_state.ts";
import type { Supervisor } from "./supervisor.ts";

/** Observes the runs that a supervisor watches. */
export class RunObserver {
  readonly #supervisor: Supervisor;

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  /** What is certain of a run. Call it within `exclusive`. */
  async observeAlone(files: RunFiles): Promise<Observation> {
    const found = await observe(files, this.#supervisor.host);
    // A wrapper on its way out takes milliseconds, and leaves no time to be seen as running.
    const leaving = found.state === "ending" && found.members.every(({ pid }) => pid === found.leader.pid);
    if (!isUndecided(found) && !leaving) return found;
    await this.#supervisor.settle(files);
    return await observe(files, this.#supervisor.host);
  }

  /** As `observeAlone`; a run that may still be about to start is made never to. */
  async observeForGood(files: RunFiles): Promise<Observation> {
    if ((await observe(files, this.#supervisor.host)).state === "unclaimed") await abandon(files);
    return await this.observeAlone(files);
  }

  /** As `observeAlone`, without waiting for other calls where nothing needs to be decided. */
  async observeSettled(files: RunFiles): Promise<Observation> {
    const found = await observe(files, this.#supervisor.host);
    if (!isUndecided(found) && found.state !== "ending") return found;
    return await this.#supervisor.exclusive(files.name, () => this.observeAlone(files));
  }

  /** The state of a run as it is now. */
  async stateOf(files: RunFiles): Promise<RunState> {
    return await this.withPause(files, await observe(files, this.#supervisor.host));
  }

  /** The state of what was observed, with whether it is paused and what it left behind. */
  async withPause(files: RunFiles, found: Observation): Promise<RunState> {
    const state = toState(files, found);
    if (!isLiving(found)) return state;
    const paused = await isPaused(this.#supervisor.host.cgroups, found);
    const leftBehind = this.#supervisor.leaving.get(files.name);
    return { ...state, ...(paused && { paused: true }), ...(leftBehind !== undefined && { leftBehind }) };
  }
}

/** Whether something must be settled before it is certain what became of a run. */
function isUndecided({ state }: Observation): boolean {
  return state === "unfinished" || state === "gone";
}
