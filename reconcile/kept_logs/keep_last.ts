/**
 * Copies an instance's last output from its runner to {@linkcode KeptLogs} when the instance is removed.
 * @module
 */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { RunState } from "../../runners/runner.ts";
import { RuneError } from "../../model/error.ts";
import { parseStepKey } from "../../model/init_step.ts";
import type { Instance } from "../../model/instance.ts";
import { KEPT_LINES, type KeptLogs } from "./kept_logs.ts";

/** Time limit in milliseconds, so that a slow log does not block the removal. */
const KEEP_MS = 10_000;

/**
 * The runs whose output is kept: the last main run that ran, and the last attempt at each init step of the
 * latest run.
 */
export function runsToKeep(runs: RunState[]): RunState[] {
  const ended = runs.filter(({ state }) => state === "exited");
  const latest = Math.max(0, ...runs.map(({ run }) => run));
  const main = ended.filter(({ step }) => step === undefined).sort((a, b) => b.run - a.run).slice(0, 1);
  const steps = new Map<string, RunState>();
  for (const run of ended) {
    if (run.step === undefined || run.run !== latest) continue;
    const { name, attempt } = parseStepKey(run.step);
    const known = steps.get(name);
    if (!known || parseStepKey(known.step!).attempt < attempt) steps.set(name, run);
  }
  return [...main, ...steps.values()];
}

/** How a run ended, in words that follow a name; `stopped` if Rune ended it. */
export function howEnded(
  { exitCode, oomKilled }: Pick<RunState, "exitCode" | "oomKilled">,
  { byRune }: { byRune: boolean },
): string {
  if (byRune) return "stopped";
  if (oomKilled) return "was killed for using more memory than its limit";
  return exitCode === undefined ? "ended" : `exited with code ${exitCode}`;
}

/**
 * Keeps the output of an instance after all its runs ended and before they are removed. If the daemon dies in
 * between, the next one writes the same file again.
 *
 * @param options.runs the state of each run after it was stopped.
 * @param options.ranUntilNow whether the instance was running when it was stopped.
 * @returns a sentence that says why the output could not be kept; the instance is removed anyway.
 */
export async function keepLastOutput(
  instance: Instance,
  { kept, runner, runs, ranUntilNow, signal }: {
    kept: KeptLogs;
    runner: NodeRunner;
    runs: RunState[];
    ranUntilNow: boolean;
    signal: AbortSignal;
  },
): Promise<string | undefined> {
  const { uid: instanceUid, name, spec: { serviceUid, ordinal, serviceGeneration: generation } } = instance;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(KEEP_MS)]);
  const failures: string[] = [];
  for (const { run, step, finishedAt, ...ended } of runsToKeep(runs)) {
    const ref = { instanceUid, run, ...(step !== undefined && { step }) };
    try {
      const entries = await runner.logs(ref, { follow: false, tail: KEPT_LINES, signal: limit });
      await kept.keep({
        serviceUid,
        instance: name,
        ordinal,
        instanceUid,
        run,
        ...(step !== undefined && { step: parseStepKey(step).name }),
        generation,
        endedAt: finishedAt ?? new Date().toISOString(),
        how: howEnded(ended, { byRune: ranUntilNow && step === undefined }),
      }, entries);
    } catch (error) {
      // The run was removed by hand or by an earlier daemon, so its output was already kept or is lost.
      if (error instanceof RuneError && error.code === "not_found") continue;
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  return failures.length === 0 ? undefined : `its last output could not be kept: ${failures.join("; ")}`;
}
