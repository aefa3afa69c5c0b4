/** Tells a service that cannot become what was asked for from one that only takes its time. Pure. @module */
import { instanceName } from "../../model/instance_name.ts";
import { sameValue } from "../../model/changes.ts";
import { currentTemplate, type Instance, templateOf } from "../../model/instance.ts";
import { hasFailedForGood } from "../../model/job.ts";
import type { Service, ServiceReason } from "../../model/service.ts";
import type { Goal, Verdict } from "./goal.ts";

/** An instance that crashed counts as steady again when it ran this long, in milliseconds. */
const STEADY_MS = 10_000;
/** Crashes in a row after which more of them are expected; and attempts that failed before anything ran. */
const MANY = 3;

/** Reasons that no waiting cures: somebody must change what was cast. */
const FINAL: readonly ServiceReason[] = ["DependencyFailed"];

/** `web-0 Stalled (LaunchFailed): message`. */
function explain({ name, status }: Instance): string {
  const reason = status.reason === undefined ? "" : ` (${status.reason})`;
  return `${name} ${status.state}${reason}${status.message === undefined ? "" : `: ${status.message}`}`;
}

/** `web-0 crashed 3 times in a row: it exited with code 1`. */
function crashText({ name, status: { crashes, lastFailure } }: Instance): string {
  const did = lastFailure?.exitCode === 0 ? "ended" : "crashed";
  const times = crashes === 1 ? `${did} once` : `${did} ${crashes} times in a row`;
  return lastFailure === undefined ? `${name} ${times}` : `${name} ${times}: ${lastFailure.message}`;
}

/** An instance that crashed and has not run for long since. */
const isUnsteady = ({ status }: Instance, now: number) =>
  status.crashes > 0 &&
  !(status.state === "Running" && status.startedAt !== undefined &&
    now - Date.parse(status.startedAt) >= STEADY_MS);

/** Reasons that only a person, or another machine, can take away. */
const BLOCKING: readonly ServiceReason[] = [
  "ImageUnreachable",
  "ConfigMissing",
  "VolumeNotReady",
  "LaunchFailed",
];

/** A successor that cannot start, while the instance that it would replace runs. */
const isBlocked = ({ name, spec, status: { reason, launchFailures, run } }: Instance) =>
  name !== instanceName(spec.service, { ordinal: spec.ordinal }) && (launchFailures > 0 || run === 0) &&
  reason !== undefined && BLOCKING.includes(reason);

/**
 * Whether an instance is what was asked for; one from before is about to be replaced, and its trouble with
 * it.
 */
function isAsked(instance: Instance, { goal, service }: { goal: Goal; service: Service }): boolean {
  if (instance.deletionRequestedAt !== undefined) return false;
  if (goal.restartedAt !== undefined && instance.spec.restartedAt !== goal.restartedAt) return false;
  return instance.spec.serviceGeneration >= goal.generation ||
    sameValue(currentTemplate(instance), templateOf(service.spec));
}

/** What is wrong with the instances that were asked for, beyond being late; undefined when nothing is. */
export function judgeTrouble(
  goal: Goal,
  { service, instances, now }: { service: Service; instances: Instance[]; now: number },
): Verdict | undefined {
  const asked = instances.filter((i) => isAsked(i, { goal, service }));
  const makeFailed = (text: string, more: Partial<Verdict> = {}): Verdict => ({
    state: "failed",
    text,
    ...more,
  });
  const stalled = asked.find(({ spec, status }) =>
    status.state === "Stalled" && spec.serviceGeneration >= goal.generation
  );
  if (stalled) return makeFailed(explain(stalled));
  const blocked = asked.find(isBlocked);
  if (blocked) {
    const known = blocked.spec.awaitsTurn && blocked.status.reason !== "VolumeNotReady";
    return makeFailed(explain(blocked), known ? {} : { mayHeal: true });
  }
  const job = asked.find(hasFailedForGood);
  if (job) return makeFailed(`${job.name} failed: ${job.status.message ?? job.status.lastFailure?.message}`);
  // What it says may be of before what was asked for was looked at: it counts when it lasts.
  const final = asked.find(({ status: { reason } }) => reason !== undefined && FINAL.includes(reason));
  if (final) return makeFailed(explain(final), { mayBeOld: true });
  const unsteady = asked.find((i) => isUnsteady(i, now));
  if (unsteady) {
    const text = crashText(unsteady);
    if (unsteady.status.lastFailure?.reason === "InBackground") return makeFailed(text);
    return unsteady.status.crashes >= MANY ? makeFailed(text, { mayHeal: true }) : { state: "waiting", text };
  }
  const unlaunched = asked.find(({ status }) =>
    status.launchFailures >= MANY && status.reason === "LaunchFailed"
  );
  return unlaunched && makeFailed(explain(unlaunched), { mayHeal: true });
}
