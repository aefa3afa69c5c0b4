/** Creates the errors for refused calls about a run. @module */
import { RuneError } from "../../model/error.ts";
import type { RunSpec } from "../runner.ts";
import type { RunFiles } from "./records.ts";

/** The error for a run whose wrapper ended before it ran anything, although nobody ended it. */
export function notStarted({ instance }: RunSpec): RuneError {
  return new RuneError("unavailable", `the process of ${instance} could not be started`, {
    hint: "look for limits on processes and memory of this host",
  });
}

/** The error for a run that does not exist. */
export function noSuchRun(files: RunFiles): RuneError {
  return new RuneError("not_found", `there is no run ${files.name}`, { hint: "create it first" });
}

/**
 * The error for a run that writes a volume, on a host that cannot tell when all of its processes have ended.
 */
export function cannotContain(): RuneError {
  return new RuneError(
    "failed_precondition",
    "a process cannot be given a volume to write here: nobody could tell when all of its processes are gone",
    {
      hint:
        "let the daemon write control groups as root, or make user namespaces as another user; or run an image",
    },
  );
}
