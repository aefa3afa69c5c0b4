/**
 * Pauses the writers of a volume for a copy, and resumes them, including those that an earlier daemon paused.
 * @module
 */
import type { NodeRunner } from "../../node/node_runner.ts";
import { RuneError } from "../../model/error.ts";
import type { PausedRun } from "../../model/snapshot.ts";
import { holderWithin } from "../leases.ts";

/** How long the runner may take to answer. A failed resume is tried again later. */
const CALL_MS = 30_000;

type Runners = ReadonlyMap<PausedRun["runner"], NodeRunner>;

/** The runners, and the namespace of the snapshot: messages name only runs of that namespace. */
interface Where {
  runners: Runners;
  namespace: string;
}

/** Pauses every run. @throws {RuneError} if one cannot be paused; the caller resumes all. */
export async function pauseAll(runs: PausedRun[], runners: Runners, signal: AbortSignal): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
  await Promise.all(runs.map((run) => runners.get(run.runner)!.pause(run, limited)));
}

/**
 * Resumes every run that is still running.
 * @throws {RuneError} the first failure, after trying all runs.
 */
export async function resumeAll(runs: PausedRun[], { runners, namespace }: Where): Promise<void> {
  // Do not use the pass's signal: a daemon that stops must still resume all writers.
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

/** @throws {RuneError} `conflict` if someone else resumed a run during the copy. */
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
