/** Judges whether a service or a volume has become what was asked for. Pure. @module */
import { parseDuration } from "../spec/duration.ts";
import { exposureOf } from "../spec/exposing.ts";
import type { Instance } from "../spec/instance.ts";
import type { Service } from "../spec/service.ts";
import type { Volume } from "../spec/volume.ts";

/** What somebody waits for. */
export interface Goal {
  kind: "service" | "volume";
  namespace: string;
  name: string;
  /** The generation that must have been taken up. */
  generation: number;
  /** Every instance must be of this restart (`rune restart`). */
  restartedAt?: string;
  /** Provisioning must have been tried since (`rune volume retry-provision`). */
  retriedAt?: string;
}

/** How far it has come. */
export interface Verdict {
  state: "waiting" | "done" | "failed";
  /** In words, for people. */
  text: string;
  /** A failure that time alone may still heal: it counts only when it lasts. */
  mayHeal?: true;
  /** Done, but it began to run less than {@linkcode FRESH_MS} ago and nothing probes it: it may yet crash at once. */
  fresh?: true;
}

/** A program that fails at once has mostly failed after this time, in milliseconds. */
export const FRESH_MS = 1000;

const waiting = (text: string): Verdict => ({ state: "waiting", text });
const done = (text: string): Verdict => ({ state: "done", text });
const failed = (text: string): Verdict => ({ state: "failed", text });

/** `Pending (ImageUnreachable): message`. */
function explain(state: string, status: { reason?: string; message?: string }): string {
  const reason = status.reason === undefined ? state : `${state} (${status.reason})`;
  return status.message === undefined ? reason : `${reason}: ${status.message}`;
}

/** Instances that are not there yet, by name and state: `web-2 Starting`. */
function laggards(instances: Instance[]): string {
  const late = instances.filter((i) => !i.status.ready && !i.deletionRequestedAt)
    .sort((a, b) => a.spec.ordinal - b.spec.ordinal)
    .map((i) => `${i.name} ${i.status.state}`);
  const shown = late.slice(0, 3).join(", ");
  return late.length > 3 ? `${shown}, ${late.length - 3} more` : shown;
}

/** An instance that crashed counts as steady again when it ran this long, in milliseconds. */
const STEADY_MS = 10_000;
/** Crashes in a row after which more of them are expected. */
const MANY_CRASHES = 3;

/** An instance that crashed and has not run for long since. */
const isUnsteady = ({ status, deletionRequestedAt }: Instance, now: number) =>
  status.crashes > 0 && deletionRequestedAt === undefined &&
  !(status.state === "Running" && status.startedAt !== undefined &&
    now - Date.parse(status.startedAt) >= STEADY_MS);

/** `web-0 crashed 3 times in a row, last with exit code 1`. */
function crashText({ name, status: { crashes, lastFailure } }: Instance): string {
  const times = crashes === 1 ? "crashed once" : `crashed ${crashes} times in a row`;
  return lastFailure === undefined ? `${name} ${times}` : `${name} ${times}: ${lastFailure.message}`;
}

/** An instance that gave up; one from before what was asked for is about to be replaced and does not count. */
const isStalled = ({ spec, status, deletionRequestedAt }: Instance, goal: Goal) =>
  status.state === "Stalled" && deletionRequestedAt === undefined &&
  spec.serviceGeneration >= goal.generation &&
  (goal.restartedAt === undefined || spec.restartedAt === goal.restartedAt);

/**
 * Judges a service and its instances.
 *
 * @param seen.service undefined when it does not exist.
 * @param seen.now milliseconds since the epoch.
 */
export function judgeService(
  goal: Goal,
  { service, instances, now }: { service?: Service; instances: Instance[]; now: number },
): Verdict {
  if (!service) return failed("it was deleted");
  const { spec, status } = service;
  if (service.deletionRequestedAt) return failed("it is being deleted");
  if (status.observedGeneration < goal.generation) return waiting("Pending");
  const ready = `${status.ready}/${spec.scale} ready`;
  if (spec.scale === 0) {
    return status.state === "Stopped" && instances.length === 0
      ? done("Stopped")
      : waiting(`Stopping, ${instances.length} left`);
  }
  const late = laggards(instances);
  const rolling = status.rolloutStartedAt !== undefined && status.state === "Running" && !status.message;
  const state = rolling
    ? `Updating, ${status.updated}/${spec.scale} replaced`
    : explain(status.state, status);
  const progress = `${state}, ${ready}${late && ` (${late})`}`;
  const stalled = instances.find((i) => isStalled(i, goal));
  if (stalled) return failed(explain(`${stalled.name} Stalled`, stalled.status));
  if (goal.restartedAt !== undefined) {
    const renewed = instances.filter((i) => i.spec.restartedAt === goal.restartedAt).length;
    if (renewed < spec.scale) return waiting(`${renewed}/${spec.scale} restarted${late && ` (${late})`}`);
  }
  const unsteady = instances.find((i) => isUnsteady(i, now));
  if (unsteady) {
    const text = crashText(unsteady);
    return unsteady.status.crashes >= MANY_CRASHES ? { ...failed(text), mayHeal: true } : waiting(text);
  }
  const complete = status.ready >= spec.scale && status.updated >= spec.scale;
  if (status.state === "Running" && complete && status.rolloutStartedAt === undefined) {
    const { host } = spec.expose ?? {};
    const exposure = exposureOf(service);
    if (host !== undefined && !exposure) return waiting(`Running, ${ready}, ${host} is being exposed`);
    const unexposed = exposure?.message === undefined
      ? ""
      : `, but ${host} is not exposed: ${exposure.message}`;
    const fresh = spec.health === undefined &&
      instances.some(({ status: { startedAt } }) =>
        startedAt !== undefined && now - Date.parse(startedAt) < FRESH_MS
      );
    return { ...done(`Running, ${ready}${unexposed}`), ...(fresh && { fresh }) };
  }
  const finished = instances.length >= spec.scale && instances.every((i) => i.status.state === "Stopped");
  if (spec.restart !== "always" && finished) return done("Stopped, it has finished");
  const { rolloutStartedAt } = status;
  if (
    rolloutStartedAt !== undefined && now - Date.parse(rolloutStartedAt) > parseDuration(spec.update.timeout)
  ) {
    return failed(progress);
  }
  if (status.state === "Failed") return { ...failed(progress), mayHeal: true };
  return waiting(progress);
}

/** Judges a volume. @param volume undefined when it does not exist. */
export function judgeVolume(goal: Goal, volume: Volume | undefined): Verdict {
  if (!volume) return failed("it was deleted");
  if (volume.deletionRequestedAt) return failed("it is being deleted");
  const { state, failureMessage, failureHint, adopted, handle } = volume.status;
  switch (state) {
    case "Available":
    case "Bound":
    case "Released":
      return done(adopted ? `${state}, keeps the data found in ${handle ?? "place"}` : state);
    case "Stalled":
      if (goal.retriedAt !== undefined && (volume.status.lastAttemptAt ?? "") < goal.retriedAt) {
        return waiting("Pending");
      }
      return failed(
        `Stalled: ${failureMessage ?? "provisioning failed"}${failureHint ? ` (${failureHint})` : ""}`,
      );
    case "Failed":
      return waiting(`Failed, tried ${volume.status.attempts} times: ${failureMessage ?? "no reason given"}`);
    default:
      return waiting(state);
  }
}
