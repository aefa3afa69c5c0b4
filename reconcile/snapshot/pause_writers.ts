/**
 * Pauses the writers of a volume for a copy, and resumes them: also those that an earlier daemon paused.
 * @module
 */
import type { NodeRunner } from "../../node/node_runner.ts";
import { RuneError } from "../../model/error.ts";
import type { PausedRun } from "../../model/snapshot.ts";
import { holderWithin } from "../leases.ts";

/** Time for the runner to answer; a run that cannot be resumed now is tried again. */
const CALL_MS = 30_000;

type Runners = ReadonlyMap<PausedRun["runner"], NodeRunner>;

/** Where what happened is written: it names runs of its own namespace alone. */
interface Where {
  runners: Runners;
  namespace: string;
}

/** Pauses every run. @throws {RuneError} when one cannot be; the caller resumes all. */
export async function pauseAll(runs: PausedRun[], runners: Runners, signal: AbortSignal): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
  await Promise.all(runs.map((run) => runners.get(run.runner)!.pause(run, limited)));
}

/**
 * Resumes every run that can be; what does not run needs none.
 * @throws {RuneError} the first failure, after all were tried.
 */
export async function resumeAll(runs: PausedRun[], { runners, namespace }: Where): Promise<void> {
  // Not the pass's own signal: a daemon that stops leaves nobody paused.
  const signal = AbortSignal.timeout(CALL_MS);
  const done = await Promise.allSettled(runs.map((run) => runners.get(run.runner)!.resume(run, signal)));
  const failed = done.findIndex((result) => result.status === "rejected");
  if (failed < 0) return;
  const { reason } = done[failed] as PromiseRejectedResult;
  throw new RuneError(
    reason instanceof RuneError ? reason.code : "internal",
    `${holderWithin(namespace, runs[failed]!)} is paused and cannot be resumed: ${reason.message}`,
    { cause: reason, hint: "Rune goes on trying", permanent: false },
  );
}

/** @throws {RuneError} `conflict` when a run went on during the copy: somebody else resumed it. */
export async function assertPaused(
  runs: PausedRun[],
  { runners, namespace, signal }: Where & { signal: AbortSignal },
): Promise<void> {
  for (const run of runs) {
    const { state, paused } = await runners.get(run.runner)!.inspect(run, signal);
    if (state !== "running" || paused) continue;
    throw new RuneError(
      "conflict",
      `${holderWithin(namespace, run)} was resumed by somebody else while its volume was copied`,
      {
        hint: "Rune takes the snapshot again; with --no-pause it would not mind",
      },
    );
  }
}
