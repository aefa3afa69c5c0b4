/** Keeps what an instance printed last, when it goes: from its runner into {@linkcode KeptLogs}. @module */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { RunState } from "../../runners/runner.ts";
import { RuneError } from "../../model/error.ts";
import { parseStepKey } from "../../model/init_step.ts";
import type { Instance } from "../../model/instance.ts";
import { KEPT_LINES, type KeptLogs } from "./kept_logs.ts";

/** Milliseconds that it may take: an instance must go, whatever its log does. */
const KEEP_MS = 10_000;

/**
 * What of an instance's runs is kept: the last that ran, and the last attempt at each init step of the latest
 * run.
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

/** How a run ended, in words that follow a name. `stopped` where Rune ended it. */
export function howEnded(
  { exitCode, oomKilled }: Pick<RunState, "exitCode" | "oomKilled">,
  { byRune }: { byRune: boolean },
): string {
  if (byRune) return "stopped";
  if (oomKilled) return "was killed for using more memory than its limit";
  return exitCode === undefined ? "ended" : `exited with code ${exitCode}`;
}

/**
 * Keeps the output of an instance whose runs have all ended, before they are removed. Done again by the next
 * daemon when this one dies on the way: the same file is written again.
 *
 * @param options.runs what the runner said of them when they were stopped.
 * @param options.ranUntilNow whether it ran when it was told to stop.
 * @returns why it could not be kept, in a sentence; an instance goes all the same.
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
      // Removed by somebody, or by the daemon that died: then it was kept before, or nothing is left of it.
      if (error instanceof RuneError && error.code === "not_found") continue;
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  return failures.length === 0 ? undefined : `its last output could not be kept: ${failures.join("; ")}`;
}
