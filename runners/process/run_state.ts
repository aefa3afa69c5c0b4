/** Converts observations of a run to the states of the contract. @module */
import type { RunState } from "../runner.ts";
import type { Observation } from "./observe.ts";
import { type ProcessStat, readProcess } from "./proc.ts";
import { refOf, type RunFiles } from "./records.ts";

/** A run that has processes. */
export type Living = Extract<Observation, { state: "running" | "ending" }>;

/** Whether a run has processes. */
export function isLiving(found: Observation): found is Living {
  return found.state === "running" || found.state === "ending";
}

/** The state of a run from its observation. */
export function toState(files: RunFiles, found: Observation): RunState {
  const ref = refOf(files);
  if (found.state === "absent") return { ...ref, state: "absent" };
  const { namespace, service, instance } = found.spec;
  const base = { ...ref, namespace, service, instance };
  switch (found.state) {
    case "created":
    case "unclaimed":
    case "unfinished":
      return { ...base, state: "created" };
    case "running":
    case "ending": {
      const { pid, at } = found.leader;
      return {
        ...base,
        state: "running",
        handle: `pid:${pid}`,
        pid: found.main ?? pid,
        startedAt: at.toISOString(),
      };
    }
    case "gone":
    case "ended":
      return { ...base, state: "exited", startedAt: found.startedAt?.toISOString(), ...found.outcome };
  }
}

/**
 * Finds the run's main process. Another process may have its pid by now, so if a group contains the run's
 * processes, it must be among them.
 */
export function mainOf(found: Observation): ProcessStat | undefined {
  if (found.state !== "running" || found.main === undefined) return undefined;
  const { main, members, tracking } = found;
  return tracking.by === "session" ? readProcess(main) : members.find(({ pid }) => pid === main);
}
