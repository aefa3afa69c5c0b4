/** The runners of a node as others see them. A type alone; `runner_calls.ts` makes them. @module */
import type { PullOptions, Runner } from "../runners/runner.ts";

/** A runner of a node: the contract of runners, without calls that call back. */
export type NodeRunner = Omit<Runner, "pull"> & {
  /**
   * Makes an image present. Absent where the runner has none.
   *
   * @returns words that say how far it is, the latest ones; ends once the image is here. Who stops listening
   * ends the pull.
   * @throws {RuneError} as `pull` of a runner does, through the iteration.
   */
  pullImage?(image: string, options: Omit<PullOptions, "onProgress">): AsyncIterable<string>;
};
