/**
 * Maps runs to containers. A run is found by its labels, since the name of a container is only for people.
 * The result is cached, so that later calls need no lookup.
 * @module
 */
import type { RunRef } from "../runner.ts";
import { containerListSchema } from "./container_state.ts";
import type { Engine } from "./engine.ts";
import { LABEL, labelFilter } from "./labels.ts";
import type { CpuSample } from "./stats.ts";

/** Cached facts about an existing run. */
export interface KnownRun {
  id: string;
  namespace: string;
  /** Created here and not started since, so a start needs no check before. */
  fresh: boolean;
  /** The last reading of its CPU time. */
  sample?: CpuSample;
  /** Whether the kernel killed it for memory. The kernel reports it only once. */
  outOfMemory?: boolean;
}

/** The runs of one daemon. */
export interface RunIndex {
  /** Finds a run, by its labels if it is not cached; undefined if it is absent. */
  find(ref: RunRef, signal: AbortSignal): Promise<KnownRun | undefined>;
  set(ref: RunRef, run: Omit<KnownRun, "sample">): void;
  /** Caches a run from a list, unless it is already cached. */
  add(ref: RunRef, run: { id: string; namespace: string }): void;
  forget(ref: RunRef): void;
}

/** Creates an empty index over the containers of `daemonId`. */
export function createRunIndex(engine: Engine, daemonId: string): RunIndex {
  const runs = new Map<string, KnownRun>();
  const keyOf = (ref: RunRef) => `${ref.instanceUid}:${ref.run}:${ref.step ?? ""}`;

  return {
    async find(ref, signal) {
      const remembered = runs.get(keyOf(ref));
      if (remembered) return remembered;
      const labels = {
        [LABEL.daemon]: daemonId,
        [LABEL.instanceUid]: ref.instanceUid,
        [LABEL.run]: String(ref.run),
      };
      // The filter cannot require a missing label, so steps of the run are excluded here.
      const found = (await engine.json("/containers/json", {
        what: `look for run ${ref.run} of instance ${ref.instanceUid}`,
        schema: containerListSchema,
        query: { all: "1", filters: labelFilter(labels) },
        signal,
      })).find((container) => container.Labels[LABEL.step] === ref.step);
      if (!found) return undefined;
      const run = { id: found.Id, namespace: found.Labels[LABEL.namespace] ?? "", fresh: false };
      runs.set(keyOf(ref), run);
      return run;
    },
    set: (ref, run) => void runs.set(keyOf(ref), run),
    add(ref, run) {
      if (runs.get(keyOf(ref))?.id !== run.id) runs.set(keyOf(ref), { ...run, fresh: false });
    },
    forget: (ref) => void runs.delete(keyOf(ref)),
  };
}
