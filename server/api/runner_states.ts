/** The states of the runners, checked at most every few seconds. @module */
import { toRuneError } from "../../model/error.ts";
import type { Status } from "../../model/api.ts";
import type { Node } from "../../node/node.ts";
import { findNode } from "../../node/placement.ts";
import type { ServerDeps } from "./deps.ts";

/** A runner that does not answer in this time counts as unavailable. */
const CHECK_TIMEOUT_MS = 1000;
/** How long a state is cached, so that `status --watch` does not burden the Engine. */
const CHECK_CACHE_MS = 2000;

/** The cached states. */
export interface RunnerStates {
  /** Returns the cached states, or checks the runners. */
  read(): Promise<Status["runners"]>;
  /** Drops the cache after a change, so that the next `read` checks again. */
  forget(): void;
}

/** Creates an empty cache. */
export function createRunnerStates(deps: Pick<ServerDeps, "nodes">): RunnerStates {
  let last: { at: number; states: Promise<Status["runners"]> } | undefined;
  return {
    read() {
      const now = performance.now();
      if (!last || now - last.at > CHECK_CACHE_MS) {
        last = { at: now, states: checkAll(findNode(deps).runners) };
      }
      return last.states;
    },
    forget() {
      last = undefined;
    },
  };
}

function checkAll(runners: Node["runners"]): Promise<Status["runners"]> {
  return Promise.all([...runners.values()].map(async (runner) => {
    const timeout = new AbortController();
    const timer = setTimeout(
      () => timeout.abort(new DOMException("no answer", "TimeoutError")),
      CHECK_TIMEOUT_MS,
    );
    try {
      await runner.check(timeout.signal);
      return { name: runner.name, ok: true };
    } catch (error) {
      const { message, hint } = toRuneError(error);
      return { name: runner.name, ok: false, message: hint ? `${message}; ${hint}` : message };
    } finally {
      clearTimeout(timer);
    }
  }));
}
