/** Whether what has just ended printed anything: messages send nobody to an empty log. @module */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { RunRef, RunState } from "../../runners/runner.ts";
import type { Instance } from "../../model/instance.ts";

/** States in which the end of a run has not been told yet. */
const UNTOLD: Instance["status"]["state"][] = ["Starting", "Running", "Unhealthy"];
/** Milliseconds after which it counts as if it had printed something. */
const ASK_MS = 5_000;

/**
 * `{ silent: true }` when the run whose end is about to be told printed nothing; nothing where that is not
 * known.
 */
export async function observeSilence(
  { uid, status }: Instance,
  { run, stepRun, runner, signal }: {
    run: RunState | undefined;
    stepRun: RunState | undefined;
    runner: NodeRunner;
    signal: AbortSignal;
  },
): Promise<{ silent?: true }> {
  const ended = [run, stepRun].find((r) => r?.state === "exited");
  if (!ended || !UNTOLD.includes(status.state)) return {};
  const { step } = ended;
  const ref: RunRef = { instanceUid: uid, run: ended.run, ...(step !== undefined && { step }) };
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]);
    const reader = (await runner.logs(ref, { follow: false, tail: 1, signal: limit })).getReader();
    const { done } = await reader.read();
    await reader.cancel();
    return done && !limit.aborted ? { silent: true } : {};
  } catch {
    return {};
  }
}
