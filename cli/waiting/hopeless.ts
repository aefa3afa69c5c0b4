/** Tells a service that cannot succeed from one that only takes its time. Pure. @module */
import { instanceName } from "../../model/instance_name.ts";
import { sameValue } from "../../model/changes.ts";
import { currentTemplate, type Instance, templateOf } from "../../model/instance.ts";
import { hasFailedForGood } from "../../model/job.ts";
import type { Service, ServiceReason } from "../../model/service.ts";
import type { Goal, Verdict } from "./goal.ts";

/** A crashed instance counts as steady after running this long, in milliseconds. */
const STEADY_MS = 10_000;
/** After this many crashes in a row, or attempts that failed before anything ran, more are expected. */
const MANY = 3;

/** Reasons that waiting cannot fix: somebody must change the spec. */
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

/** A crashed instance that has not run for long since. */
const isUnsteady = ({ status }: Instance, now: number) =>
  status.crashes > 0 &&
  !(status.state === "Running" && status.startedAt !== undefined &&
    now - Date.parse(status.startedAt) >= STEADY_MS);

/** Reasons that only a person or another machine can fix. */
const BLOCKING: readonly ServiceReason[] = [
  "ImageUnreachable",
  "ConfigMissing",
  "VolumeNotReady",
  "LaunchFailed",
];

/** A successor that cannot start while the instance that it replaces runs. */
const isBlocked = ({ name, spec, status: { reason, launchFailures, run } }: Instance) =>
  name !== instanceName(spec.service, { ordinal: spec.ordinal }) && (launchFailures > 0 || run === 0) &&
  reason !== undefined && BLOCKING.includes(reason);

/** Whether an instance belongs to the goal. Older instances, and their problems, are about to be replaced. */
function isAsked(instance: Instance, { goal, service }: { goal: Goal; service: Service }): boolean {
  if (instance.deletionRequestedAt !== undefined) return false;
  if (goal.restartedAt !== undefined && instance.spec.restartedAt !== goal.restartedAt) return false;
  return instance.spec.serviceGeneration >= goal.generation ||
    sameValue(currentTemplate(instance), templateOf(service.spec));
}

/** Finds problems of the goal's instances other than lateness; undefined if there are none. */
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
  // This may describe the state before the request, so it counts only if it lasts.
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
