/** Describes how a run ended. Pure. @module */
import type { RunState } from "../../runners/runner.ts";

/**
 * Whether a program put itself in the background: it exited with code 0 and left processes behind.
 */
export function wentToBackground({ exitCode, leftBehind = 0 }: RunState): boolean {
  return exitCode === 0 && leftBehind > 0;
}

/** Describes the processes that a program left behind, and what to do. */
export function leftBehindWords({ leftBehind = 0 }: RunState): string {
  const processes = leftBehind === 1
    ? "1 process behind, which was"
    : `${leftBehind} processes behind, which were`;
  return `it left ${processes} ended: run it in the foreground, as with "daemon off;" or --foreground`;
}

/**
 * Describes how a run ended.
 *
 * @param options.runsOn whether the program should keep running, so that exit code 0 is not expected either.
 */
export function describeEnding(run: RunState, { runsOn = false }: { runsOn?: boolean } = {}): string {
  if (run.state === "absent") return "its container or process was removed";
  if (run.oomKilled) return "it was killed for using more memory than its limit";
  if (run.error !== undefined && run.exitCode !== 0) return `it could not be run: ${run.error}`;
  if (run.exitCode === undefined) return "it ended, and its exit code is not known";
  const signal = run.exitCode > 128 ? ` (signal ${run.exitCode - 128})` : "";
  const how = `it exited with code ${run.exitCode}${signal}`;
  if (wentToBackground(run)) return `${how} and ${leftBehindWords(run)}`;
  if (run.exitCode !== 0 || !runsOn) return how;
  return `${how}, though it is to run on (restart: always): a job says restart: never, a server runs in the foreground`;
}
