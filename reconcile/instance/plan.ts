/**
 * Plans the next step for one instance, only from its observed state.
 * @module
 */
import { dueInMs } from "../../base/backoff.ts";
import { isAlive } from "../../model/instance.ts";
import { describeKey } from "../../model/resource.ts";
import { awaitsTurn } from "../service/rollout.ts";
import { awaitDependencies } from "./dependencies.ts";
import { settleEnded } from "./ended_plan.ts";
import { openProgress, planAttempt, planInit } from "./init_plan.ts";
import { planOver } from "./job_plan.ts";
import { fellWithRunner } from "./looks.ts";
import { mountProblem, withHint } from "./mount_problem.ts";
import { drainLeft } from "./route_drain.ts";
import { planRelease } from "./release_plan.ts";
import { planRunning } from "./running_plan.ts";
import { toPending, underWay } from "./status.ts";
import { planTurn } from "./turn.ts";
import type { InstanceStep, InstanceView } from "./view.ts";

/** Decides the next step. */
export function planInstance(view: InstanceView): InstanceStep {
  const { instance, service, run, now } = view;
  const { status } = instance;
  const drainMs = drainLeft(view);
  if (drainMs > 0 && run?.state === "running") return { do: "settle", status, afterMs: drainMs };
  if (instance.deletionRequestedAt !== undefined || service?.uid !== instance.spec.serviceUid) {
    return { do: "retire" };
  }
  const over = planOver(view);
  if (over) return over;
  if (run?.state === "running") return planRunning(view, run);
  const believedAlive = isAlive(status.state);
  if (run && (run.state === "exited" || believedAlive)) {
    if (believedAlive || status.state === "Starting") return settleEnded(view, { run, service });
  }
  const attempt = planAttempt(view);
  if (attempt) return attempt;
  const release = planRelease(view);
  if (release) return release;
  if (fellWithRunner(status, view)) {
    return { do: "settle", status: { ...status, awaitsSince: now.toISOString() }, afterMs: 0 };
  }
  if (status.state === "Stalled") return { do: "settle", status };
  const afterMs = dueInMs(status.nextAttemptAt, now);
  if (afterMs > 0) return { do: "settle", status, afterMs };
  const waiting = awaitDependencies(view);
  if (waiting) return { do: "settle", ...waiting };
  if (awaitsTurn(instance)) return planTurn(view, mountProblem(view));
  if (view.missingConfig !== undefined) {
    return { do: "settle", status: toPending(status, "ConfigMissing", view.missingConfig) };
  }
  const blocked = mountProblem(view);
  if (blocked) return { do: "settle", status: blocked };
  if (view.mounts.some((m) => !m.holders.some((h) => h.instanceUid === instance.uid))) {
    return { do: "acquire" };
  }
  const unmounted = view.mounts.find((m) => m.mounted === undefined);
  if (unmounted) {
    const volume = describeKey(unmounted);
    const { failureMessage: failure, failureHint } = unmounted.volume?.status ?? {};
    return {
      do: "settle",
      status: failure === undefined ? underWay(status, `volume ${volume} is being mounted`) : toPending(
        status,
        "VolumeNotReady",
        `volume ${volume} cannot be mounted: ${withHint(failure, failureHint)}`,
      ),
    };
  }
  // If a daemon died between the intent and the launch, continue the run with the recorded number.
  const carriedOn = status.state === "Starting" && run !== undefined;
  if (!carriedOn && run?.state === "created") return { do: "discard" };
  const number = carriedOn || openProgress(status) ? status.run : status.run + 1;
  if (view.stepProblem !== undefined) {
    return { do: "settle", status: toPending(status, "InitStepFailed", view.stepProblem) };
  }
  return planInit(view, number) ?? { do: "launch", run: number };
}
