/** Observes a run, and first settles what is undecided. @module */
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

  /** Observes a run. Call it within `exclusive`. */
  async observeAlone(files: RunFiles): Promise<Observation> {
    const found = await observe(files, this.#supervisor.host);
    // A wrapper takes milliseconds to exit, so a run must not be reported as running in between.
    const leaving = found.state === "ending" && found.members.every(({ pid }) => pid === found.leader.pid);
    if (!isUndecided(found) && !leaving) return found;
    await this.#supervisor.settle(files);
    return await observe(files, this.#supervisor.host);
  }

  /** As `observeAlone`. Prevents a run that may still be about to start from ever starting. */
  async observeForGood(files: RunFiles): Promise<Observation> {
    if ((await observe(files, this.#supervisor.host)).state === "unclaimed") await abandon(files);
    return await this.observeAlone(files);
  }

  /** As `observeAlone`, but waits for other calls only if something must be settled. */
  async observeSettled(files: RunFiles): Promise<Observation> {
    const found = await observe(files, this.#supervisor.host);
    if (!isUndecided(found) && found.state !== "ending") return found;
    return await this.#supervisor.exclusive(files.name, () => this.observeAlone(files));
  }

  /** The state of a run as it is now. */
  async stateOf(files: RunFiles): Promise<RunState> {
    return await this.withPause(files, await observe(files, this.#supervisor.host));
  }

  /** Adds to the observed state whether the run is paused, and how many processes it left behind. */
  async withPause(files: RunFiles, found: Observation): Promise<RunState> {
    const state = toState(files, found);
    if (!isLiving(found)) return state;
    const paused = await isPaused(this.#supervisor.host.cgroups, found);
    const leftBehind = this.#supervisor.leaving.get(files.name);
    return { ...state, ...(paused && { paused: true }), ...(leftBehind !== undefined && { leftBehind }) };
  }
}

/** Whether something must be settled before the state of the run is certain. */
function isUndecided({ state }: Observation): boolean {
  return state === "unfinished" || state === "gone";
}
