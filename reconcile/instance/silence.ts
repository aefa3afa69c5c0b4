/**
 * Finds out whether a run that has just ended printed anything, so that messages do not point to an empty
 * log.
 * @module
 */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { RunRef, RunState } from "../../runners/runner.ts";
import type { Instance } from "../../model/instance.ts";

/** States in which the end of a run is not reported yet. */
const UNREPORTED: Instance["status"]["state"][] = ["Starting", "Running", "Unhealthy"];
/** After this many milliseconds, assume that the run printed something. */
const ASK_MS = 5_000;

/**
 * Returns `{ silent: true }` if the run that just ended printed nothing, and `{}` if it did or that is
 * unknown.
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
  if (!ended || !UNREPORTED.includes(status.state)) return {};
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
