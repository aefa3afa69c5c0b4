/**
 * Plans the next init step of an instance, only from its observed state: docs/configuration.md, "Init steps".
 *
 * A launch has a run's number. Its steps run first, in order. Each attempt is a separate run that is recorded
 * before it is created. A successful step is recorded as done, and never starts again in this launch. The
 * main process follows under the same number.
 * @module
 */
import type { RunState } from "../../runners/runner.ts";
import { parseDuration } from "../../model/duration.ts";
import type { InitProgress, InitStep } from "../../model/init_step.ts";
import type { InstanceStatus } from "../../model/instance.ts";
import { waitedMs } from "../../base/clock.ts";
import { launchFailedStatus } from "./status.ts";
import type { InitPlanStep, InstanceStep, InstanceView } from "./view.ts";

/**
 * The progress of the launch under way; undefined if no step has begun or the main process was created.
 */
export function openProgress({ init, run }: InstanceStatus): InitProgress | undefined {
  return init !== undefined && init.run === run && !init.over ? init : undefined;
}

/** The next step of run number `run`; undefined if there is none. */
export function nextStep({ instance }: Pick<InstanceView, "instance">, run: number): InitStep | undefined {
  const done = doneIn(instance.status, run);
  return instance.spec.template.initSteps.find((step) => !done.includes(step.name));
}

const doneIn = ({ init }: InstanceStatus, run: number) => init?.run === run ? init.done : [];

/** Plans for the attempt under way; undefined if there is none. */
export function planAttempt(view: InstanceView): InstanceStep | undefined {
  const { instance: { status, name, namespace, spec: { template } }, stepRun, now } = view;
  const init = openProgress(status);
  const step = template.initSteps.find((s) => s.name === init?.step);
  if (!init || !step || status.state !== "Starting") return undefined;
  const place = `init step ${step.name} (${
    template.initSteps.indexOf(step) + 1
  } of ${template.initSteps.length})`;
  if (stepRun?.state === "running") {
    const ranMs = stepRun.startedAt === undefined ? 0 : waitedMs(stepRun.startedAt, now);
    const leftMs = parseDuration(step.timeout) - ranMs;
    if (leftMs <= 0) return { do: "stopStep" };
    const { reason: _, ...kept } = status;
    return {
      do: "settle",
      status: { ...kept, message: `${place} is running${ordinal(init.attempt)}` },
      afterMs: leftMs + 1,
    };
  }
  if (stepRun?.state !== "exited") return undefined;
  if (stepRun.exitCode === 0 && !init.timedOut) {
    const { reason: _r, message: _m, ...kept } = status;
    return {
      do: "settle",
      status: { ...kept, launchFailures: 0, init: { run: init.run, done: [...init.done, step.name] } },
      afterMs: 0,
      event: { type: "Normal", reason: "InitStepDone", message: `${place} ended well` },
    };
  }
  const how = init.timedOut ? `took longer than ${step.timeout}` : describeEnding(stepRun);
  const logs = view.silent
    ? ", and printed nothing"
    : `; see: rune logs ${name} -n ${namespace} --init-step ${step.name}`;
  const message = `${place} ${how}${stepRun.error ? "" : logs}`;
  const failed = launchFailedStatus(status, {
    reason: "InitStepFailed",
    message,
    permanent: step.restartPolicy === "Never",
    now,
  });
  const { timedOut: _, ...progress } = init;
  return {
    do: "settle",
    status: {
      ...failed,
      init: progress,
      lastFailure: {
        ...failed.lastFailure!,
        ...(stepRun.exitCode !== undefined && { exitCode: stepRun.exitCode }),
      },
    },
    afterMs: 0,
    event: { type: "Warning", reason: "InitStepFailed", message },
  };
}

const ordinal = (attempt = 1) => attempt === 1 ? "" : `, attempt ${attempt}`;

function describeEnding(run: RunState): string {
  if (run.oomKilled) return "was killed for using more memory than its limit";
  if (run.error) return `could not be run: ${run.error}`;
  return run.exitCode === undefined
    ? "ended, and its exit code is not known"
    : `exited with code ${run.exitCode}`;
}

/** Plans what must happen before the main process of run number `run`; undefined if nothing must. */
export function planInit(view: InstanceView, run: number): InitPlanStep | undefined {
  const { instance: { status }, stepRun } = view;
  const step = nextStep(view, run);
  if (!step) return undefined;
  const done = doneIn(status, run);
  if (!isNeeded(step, view)) return { do: "skipStep", run, done: [...done, step.name] };
  const init = status.init?.run === run && status.init.step === step.name ? status.init : undefined;
  // A recorded attempt that never ran continues, like a launch.
  const began = stepRun?.state === "exited" || stepRun?.state === "running";
  const attempt = init?.attempt === undefined ? 1 : began ? init.attempt + 1 : init.attempt;
  return { do: "runStep", run, step, attempt, done };
}

function isNeeded(step: InitStep, { mounts, fileMissing }: InstanceView): boolean {
  if (step.runIf === "always") return true;
  if (step.runIf === "freshVolume") {
    return mounts.some(({ mount, volume }) => !mount.readOnly && volume !== undefined && isFresh(volume));
  }
  return fileMissing ?? true;
}

/**
 * Whether a volume is still empty: no instance ever wrote to it, and it was not adopted or restored from a
 * snapshot.
 */
function isFresh({ spec, status }: NonNullable<InstanceView["mounts"][number]["volume"]>): boolean {
  return status.initializedAt === undefined && !status.adopted && spec.source === undefined;
}
