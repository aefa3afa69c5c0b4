/** Judges whether a service, volume or snapshot has reached its goal. Pure. @module */
import { mountsAtScale } from "../../model/claim_names.ts";
import { parseDuration } from "../../model/duration.ts";
import { exposureOf } from "../../model/exposing.ts";
import type { Instance } from "../../model/instance.ts";
import { hasCompleted, isDone, runsOnce } from "../../model/job.ts";
import { describeKey } from "../../model/kinds.ts";
import type { Service } from "../../model/service.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Volume } from "../../model/volume.ts";
import { describePlace } from "../../model/volume_place.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { FRESH_MS, type Goal, type Verdict } from "./goal.ts";
import { judgeTrouble } from "./hopeless.ts";

const makeWaiting = (text: string): Verdict => ({ state: "waiting", text });
const makeDone = (text: string): Verdict => ({ state: "done", text });
const makeFailed = (text: string): Verdict => ({ state: "failed", text });

/** `Pending (ImageUnreachable): message`. */
function explain(state: string, status: { reason?: string; message?: string }): string {
  const reason = status.reason === undefined ? state : `${state} (${status.reason})`;
  return status.message === undefined ? reason : `${reason}: ${status.message}`;
}

/** Instances that are not there yet, by name and state: `web-2 Starting`. */
function laggards(instances: Instance[]): string {
  const late = instances.filter((i) => !isDone(i) && !i.deletionRequestedAt)
    .sort((a, b) => a.spec.ordinal - b.spec.ordinal)
    .map((i) => `${i.name} ${i.status.state}`);
  const shown = late.slice(0, 3).join(", ");
  return late.length > 3 ? `${shown}, ${late.length - 3} more` : shown;
}

/** How long the daemon has to report the result of a late rollout, in milliseconds. */
const LATE_MS = 3_000;
/** How long to wait for the end of a job, in milliseconds. Longer jobs continue without the command. */
const JOB_MS = 10_000;

/** A later cast, scale or restart by somebody, in words; undefined while the goal is still current. */
function overtakenBy(goal: Goal, { generation, annotations }: Service): string | undefined {
  if (generation > goal.generation) return `overtaken by generation ${generation}`;
  const restartedAt = annotations[ANNOTATIONS.restartedAt];
  if (goal.restartedAt === undefined || restartedAt === undefined || restartedAt <= goal.restartedAt) return;
  return "overtaken by another restart";
}

const stalledText = ({ status: { failureMessage, failureHint } }: Volume) =>
  `Stalled: ${failureMessage ?? "provisioning failed"}${failureHint ? ` (${failureHint})` : ""}`;

/** A volume of the service that only a person can make ready. */
function stalledVolume(service: Service, volumes: Volume[]): Volume | undefined {
  return volumes.find((volume) => volume.status.state === "Stalled" && mountsAtScale(service, volume));
}

/**
 * Judges a service and its instances.
 *
 * @param seen.service undefined if it does not exist.
 * @param seen.now milliseconds since the epoch.
 */
export function judgeService(
  goal: Goal,
  { service, instances, volumes = [], now }: {
    service?: Service;
    instances: Instance[];
    volumes?: Volume[];
    now: number;
  },
): Verdict {
  if (!service) return makeFailed("it was deleted");
  const { spec, status } = service;
  if (service.deletionRequestedAt) return makeFailed("it is being deleted");
  if (status.observedGeneration < goal.generation) return makeWaiting("Pending");
  if (status.revert?.from === goal.generation) return makeFailed(status.revert.message);
  const overtaken = overtakenBy(goal, service);
  if (overtaken !== undefined) return { ...makeFailed(overtaken), overtaken: true };
  const ready = `${status.ready}/${spec.scale} ready`;
  if (spec.scale === 0) {
    return status.state === "Stopped" && instances.length === 0
      ? makeDone("Stopped")
      : makeWaiting(`Stopping, ${instances.length} left`);
  }
  const late = laggards(instances);
  const rolling = status.rolloutStartedAt !== undefined && status.state === "Running" && !status.message;
  const state = rolling
    ? `Updating, ${status.updated}/${spec.scale} replaced`
    : explain(status.state, status);
  const progress = `${state}, ${ready}${late && ` (${late})`}`;
  const volume = status.ready + (status.completed ?? 0) < spec.scale
    ? stalledVolume(service, volumes)
    : undefined;
  if (volume) {
    return makeFailed(`it waits for volume ${describeKey(volume)}, which is ${stalledText(volume)}`);
  }
  const trouble = judgeTrouble(goal, { service, instances, now });
  if (trouble) return trouble;
  if (goal.restartedAt !== undefined) {
    // A restart does not bump the generation, so this status may be older. The instances show the progress.
    const renewed = instances.filter((i) => i.spec.restartedAt === goal.restartedAt);
    if (renewed.length < spec.scale || instances.length > renewed.length || late) {
      const count = renewed.filter(isDone).length;
      return makeWaiting(`${Math.min(count, spec.scale)}/${spec.scale} restarted${late && ` (${late})`}`);
    }
  }
  const { scaling } = status;
  if (scaling?.generation === goal.generation && !scaling.done) {
    return makeWaiting(`scaling step by step, ${scaling.current} of ${spec.scale} wanted so far, ${ready}`);
  }
  const complete = status.ready + (status.completed ?? 0) >= spec.scale && status.updated >= spec.scale;
  const over = status.state === "Running" || status.state === "Completed";
  if (over && complete && status.rolloutStartedAt === undefined) {
    const leaving = instances.filter((i) => i.deletionRequestedAt !== undefined).length;
    if (leaving > 0) return makeWaiting(`${status.state}, ${ready}, ${leaving} stopping`);
    if (status.state === "Completed") return makeDone(explain("Completed", status));
    // The service's status will say so in a moment.
    if (instances.length > 0 && instances.every(hasCompleted)) return makeWaiting(`Running, ${ready}`);
    const { host } = spec.expose ?? {};
    const exposure = exposureOf(service);
    if (host !== undefined && !exposure) return makeWaiting(`Running, ${ready}, ${host} is being exposed`);
    const unexposed = exposure?.message === undefined
      ? ""
      : `, but ${host} is not exposed: ${exposure.message}`;
    const youngerThan = (ms: number) =>
      instances.some(({ status: { startedAt } }) =>
        startedAt !== undefined && now - Date.parse(startedAt) < ms
      );
    const job = runsOnce(spec) ? ", and has not ended yet" : "";
    if (job && youngerThan(JOB_MS)) return makeWaiting(`Running, ${ready}${job}`);
    const fresh = spec.health === undefined && youngerThan(FRESH_MS);
    return { ...makeDone(`Running, ${ready}${job}${unexposed}`), ...(fresh && { fresh }) };
  }
  // A daemon of an earlier version reports it like this.
  const finished = instances.length >= spec.scale &&
    instances.every(({ spec, status }) =>
      status.state === "Stopped" && spec.serviceGeneration >= goal.generation
    );
  if (spec.restart !== "always" && finished) return makeDone("Completed, it has finished");
  const since = status.rolloutProgress?.at ?? status.rolloutStartedAt;
  if (
    since !== undefined &&
    now - Date.parse(since) > parseDuration(spec.update.timeout) + LATE_MS
  ) {
    return makeFailed(progress);
  }
  if (status.state === "Failed") return { ...makeFailed(progress), mayHeal: true };
  return makeWaiting(progress);
}

/** Judges a volume. @param volume undefined if it does not exist. */
export function judgeVolume(goal: Goal, volume: Volume | undefined): Verdict {
  if (!volume) return makeFailed("it was deleted");
  if (volume.deletionRequestedAt) return makeFailed("it is being deleted");
  const { state, failureMessage, adopted, conditions } = volume.status;
  const growing = conditions.find(({ type, value }) => type === "Grown" && !value);
  switch (state) {
    case "Available":
    case "Bound":
    case "Released":
      if (goal.detached && state === "Bound") {
        return makeWaiting(
          `still Bound to ${volume.status.boundClaim}: not every runner has confirmed that it is gone`,
        );
      }
      if (goal.detached && volume.status.boundNode !== undefined) {
        return makeWaiting(failureMessage ?? `still attached to ${volume.status.boundNode}`);
      }
      if (goal.sizeBytes !== undefined && (volume.status.sizeBytes ?? 0) < goal.sizeBytes) {
        return makeWaiting(growing?.message ?? failureMessage ?? "growing");
      }
      if (goal.sizeBytes !== undefined && growing?.message !== undefined) {
        return makeDone(`${state}, ${growing.message}`);
      }
      return makeDone(
        adopted ? `${state}, keeps the data found in ${describePlace(volume.status) ?? "place"}` : state,
      );
    case "Stalled":
      if (goal.retriedAt !== undefined && volume.status.retriedFor !== goal.retriedAt) {
        return makeWaiting("Pending");
      }
      return makeFailed(stalledText(volume));
    case "Failed":
      return makeWaiting(
        `Failed, tried ${countTimes(volume.status.attempts)}: ${failureMessage ?? "no reason given"}`,
      );
    default:
      return makeWaiting(failureMessage === undefined ? state : `${state}: ${failureMessage}`);
  }
}

const countTimes = (count: number) => count === 1 ? "once" : `${count} times`;

/** Judges a snapshot. @param snapshot undefined if it does not exist. */
export function judgeSnapshot(snapshot: Snapshot | undefined): Verdict {
  if (!snapshot) return makeFailed("it was deleted");
  if (snapshot.deletionRequestedAt) return makeFailed("it is being deleted");
  const { state, failureMessage, failureHint, nextAttemptAt } = snapshot.status;
  const why = failureMessage === undefined ? state : `${state}: ${failureMessage}`;
  if (state === "Ready") return makeDone(state);
  if (state !== "Failed" || nextAttemptAt !== undefined) return makeWaiting(why);
  return makeFailed(failureHint === undefined ? why : `${why} (${failureHint})`);
}
