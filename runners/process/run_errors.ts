/** Why a call about a run is refused, with what to do. @module */
import { RuneError } from "../../model/error.ts";
import type { RunSpec } from "../runner.ts";
import type { RunFiles } from "./records.ts";

/** Its wrapper ended before it ran anything, though nobody ended it. */
export function notStarted({ instance }: RunSpec): RuneError {
  return new RuneError("unavailable", `the process of ${instance} could not be started`, {
    hint: "look for limits on processes and memory of this host",
  });
}

/** No run has this name. */
export function noSuchRun(files: RunFiles): RuneError {
  return new RuneError("not_found", `there is no run ${files.name}`, { hint: "create it first" });
}

/** It would write a volume, and nothing here tells when all of its processes are gone. */
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
