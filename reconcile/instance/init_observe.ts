/** Observes an instance's init steps. @module */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { RunState } from "../../runners/runner.ts";
import { toRuneError } from "../../model/error.ts";
import { stepKey } from "../../model/init_step.ts";
import type { Instance } from "../../model/instance.ts";
import type { Node } from "../../node/node.ts";
import { isFileMissing } from "./file_missing.ts";
import { nextStep, openProgress } from "./init_plan.ts";
import type { InstanceView, MountView } from "./view.ts";

/**
 * Observes the attempt under way, and the condition of the next step; empty if neither matters.
 *
 * @throws {RuneError} if the runner is unreachable.
 */
export async function observeInit(
  instance: Instance,
  { run, mounts, node, runner, signal }: {
    run: RunState | undefined;
    mounts: MountView[];
    node: Node;
    runner: NodeRunner;
    signal: AbortSignal;
  },
): Promise<Pick<InstanceView, "stepRun" | "fileMissing" | "stepProblem">> {
  const { status, spec: { template }, uid } = instance;
  if (template.initSteps.length === 0 || run?.state === "running") return {};
  const init = openProgress(status);
  const stepRun = init?.step === undefined ? undefined : await runner.inspect(
    { instanceUid: uid, run: init.run, step: stepKey(init.step, init.attempt ?? 1) },
    signal,
  );
  const next = nextStep({ instance }, init ? status.run : status.run + 1);
  if (typeof next?.runIf !== "object") return { stepRun };
  try {
    return { stepRun, fileMissing: await isFileMissing(next.runIf.fileMissing, { mounts, node, signal }) };
  } catch (error) {
    const { message, hint } = toRuneError(error);
    return { stepRun, stepProblem: `init step ${next.name}: ${message}${hint ? `; ${hint}` : ""}` };
  }
}
