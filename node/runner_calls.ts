/**
 * The runners of a node as seen from outside the node: each call has a deadline and is counted.
 * @module
 */
import type { Runner } from "../runners/runner.ts";
import type { NodeRunner } from "./node_runner.ts";
import { readPullProgress } from "./pull_progress.ts";
import { AS_IT_IS, type CallTable, COPY, MINUTE, SECOND, wrapCalls, type WrapOptions } from "./wrap_calls.ts";

/** The rule of every member of a runner. The deadline of `stop` also includes the run's stop timeout. */
export const RUNNER_CALLS: CallTable<Runner> = {
  name: AS_IT_IS,
  // A stream without an end.
  events: AS_IT_IS,
  check: { ms: 30 * SECOND, counted: true },
  adopt: { ms: 5 * MINUTE, counted: true },
  // An image may be large, and the line slow.
  pull: { ms: COPY, counted: true },
  describeImage: { ms: MINUTE, counted: true },
  lookIntoImage: { ms: 5 * MINUTE, counted: true },
  // A large volume of the image's is copied before the stream begins.
  readImage: { ms: 60 * MINUTE, counted: true },
  ownerOf: { ms: MINUTE, counted: true },
  create: { ms: 5 * MINUTE, counted: true },
  rehearse: { ms: 5 * MINUTE, counted: true },
  start: { ms: 5 * MINUTE, counted: true },
  stop: { ms: 2 * MINUTE, counted: true },
  pause: { ms: MINUTE, counted: true },
  resume: { ms: MINUTE, counted: true },
  remove: { ms: 10 * MINUTE, counted: true },
  inspect: { ms: MINUTE, counted: true },
  publish: { ms: MINUTE, counted: true },
  list: { ms: 2 * MINUTE, counted: true },
  // What a person or a probe asks for: their number says nothing of the host, and requests are counted
  // already.
  logs: { ms: MINUTE, counted: false },
  exec: { ms: MINUTE, counted: false },
  stats: { ms: MINUTE, counted: true },
};

/** The runner as its node gives it to others; its events go on without an end. */
export function wrapRunner(runner: Runner, options: WrapOptions = {}): Runner {
  return wrapCalls(runner, { ...options, table: RUNNER_CALLS });
}

/** A wrapped runner without the members that stay inside the node. */
export function showRunner({ pull, ...runner }: Runner): NodeRunner {
  if (!pull) return runner;
  return {
    ...runner,
    pullImage: (image, { signal, ...options }) =>
      readPullProgress((listener) => pull(image, { ...options, ...listener }), signal),
  };
}
