/** Derives a service's status from its instances: docs/services.md, "Status". Pure. @module */
import { exposureOf, hostPortOf } from "../../model/exposing.ts";
import type { Instance } from "../../model/instance.ts";
import { hasCompleted, hasFailedForGood, isCurrent, isDone, runsOnce } from "../../model/job.ts";
import type { Service, ServiceReason, ServiceStatus } from "../../model/service.ts";
import { type Moment, waitedMs } from "../../base/clock.ts";
import { shortDigest } from "../digest.ts";
import { isPreparing, latestPreparation, type Rollout, rolloutStart } from "./rollout.ts";

/** Reasons that may go away by themselves. The others mean that something is wrong with the spec. */
const WAITING: readonly ServiceReason[] = ["VolumeNotReady", "RunnerUnavailable", "DependencyNotReady"];

/** Whether an instance is failing rather than still starting. */
const isFailing = (i: Instance) =>
  hasFailedForGood(i) || i.status.state === "Failed" || i.status.state === "Stalled" ||
  // A running instance that has not passed its check yet may just be slow.
  (i.status.reason !== undefined && !WAITING.includes(i.status.reason) && i.status.state !== "Running");

/**
 * Finds the instance whose problem the service reports: a failing one before a waiting one, then the lowest
 * ordinal.
 */
function findWorst(instances: Instance[]): Instance | undefined {
  const troubled = instances.filter((i) => i.status.message !== undefined || isFailing(i));
  return troubled.find(isFailing) ?? troubled.find((i) => i.status.reason !== undefined) ?? troubled[0];
}

/**
 * Finds the instance to name in a message that is read later. An instance in a crash loop shows no problem
 * while it is being restarted, so its last failure counts too.
 */
export function worstLately(instances: Instance[]): Instance | undefined {
  return findWorst(instances) ?? instances.find(({ status }) => status.lastFailure !== undefined);
}

/** Derives the status of a service that is not being deleted. */
export function serviceStatus(
  service: Service,
  { instances, rollout, now }: { instances: Instance[]; rollout: Rollout; now: Moment },
): ServiceStatus {
  const { scale } = service.spec;
  const live = instances.filter((i) => i.deletionRequestedAt === undefined);
  const ready = live.filter((i) => i.status.ready).length;
  const completed = live.filter(hasCompleted).length;
  const done = live.filter(isDone).length;
  const updated = live.filter((i) => isDone(i) && isCurrent(service, i)).length;
  const startedAt = rolloutStart(service) ?? now.toISOString();
  const { revert } = service.status;
  const returned = revert?.generation === service.generation ? revert : undefined;
  const exposure = exposureOf(service);
  const common = {
    instances: instances.length,
    ready: Math.min(ready, scale),
    ...(completed > 0 && { completed: Math.min(completed, scale) }),
    updated: Math.min(updated, scale),
    observedGeneration: service.generation,
    ...readyGenerations(service, { done: runsOnce(service.spec) ? completed : done, updated, rollout }),
    ...(returned && { revert: returned }),
    ...(exposure && { exposure }),
    ...publishedBy(live, service),
    ...(rollout.inProgress && scale > 0 && {
      rolloutStartedAt: startedAt,
      rolloutProgress: progressOf(service, { updated, startedAt, instances: live, now }),
    }),
  };
  if (scale === 0) return { ...common, state: "Stopped" };
  const trouble = findWorst(live.filter((i) => !isDone(i) || i.status.message !== undefined));
  const { reason, message } = troubleOf(service, { trouble, rollout });
  const text = message ?? returned?.message;
  const explanation = { ...(reason && { reason }), ...(text !== undefined && { message: text }) };
  if (done >= scale) return { ...common, state: ready === 0 ? "Completed" : "Running", ...explanation };
  const failedJob = live.find(hasFailedForGood);
  const exitCode = failedJob?.status.lastFailure?.exitCode;
  const code = exitCode ? { exitCode } : {};
  if (ready > 0) return { ...common, state: "Degraded", ...explanation, ...code };
  const allFailing = live.some(isFailing) && live.every((i) => isFailing(i) || hasCompleted(i));
  return { ...common, state: failedJob || allFailing ? "Failed" : "Pending", ...explanation, ...code };
}

/** The host ports that lead to the instances of a service with a host port. */
function publishedBy(instances: Instance[], { spec }: Service): Pick<ServiceStatus, "published"> {
  if (spec.image === undefined || !hostPortOf(spec)) return {};
  return { published: [...new Set(instances.flatMap(({ status }) => status.published ?? []))].sort() };
}

/** How often an ongoing preparation is recorded as progress, in milliseconds. */
const PREPARING_MS = 10_000;

/**
 * Progress means more updated instances than at any earlier time in this rollout; an instance that flaps is
 * none. While a successor prepares, the rollout is not late: its image may be large.
 */
function progressOf(
  service: Service,
  { updated, startedAt, instances, now }: {
    updated: number;
    startedAt: string;
    instances: Instance[];
    now: Moment;
  },
): { updated: number; at: string } {
  const before = rolloutStart(service) === undefined ? undefined : service.status.rolloutProgress;
  if (!before) return { updated, at: startedAt };
  if (updated > before.updated) return { updated, at: now.toISOString() };
  if (instances.some((i) => isPreparing(service, i))) {
    return waitedMs(before.at, now) > PREPARING_MS ? { ...before, at: now.toISOString() } : before;
  }
  return { ...before, at: latestPreparation(service, { instances, since: before.at }) };
}

/** How many ready generations are remembered; the store keeps as many specs. */
const REMEMBERED = 10;

function readyGenerations(
  { status: { readyGenerations: before = [], readyVersion }, generation, spec }: Service,
  { done, updated, rollout }: { done: number; updated: number; rollout: Rollout },
): Pick<ServiceStatus, "readyGenerations" | "readyVersion"> {
  const complete = spec.scale > 0 && !rollout.inProgress && done >= spec.scale && updated >= spec.scale;
  const known = readyVersion === undefined ? {} : { readyVersion };
  if (!complete || before.includes(generation)) {
    return before.length === 0 ? known : { readyGenerations: before, ...known };
  }
  // Keep only the last generation of a version, or ten scales would push out every other version.
  const version = shortDigest({ ...spec, scale: 0 });
  const others = version === readyVersion ? before.slice(1) : before;
  return { readyGenerations: [generation, ...others].slice(0, REMEMBERED), readyVersion: version };
}

function troubleOf(
  service: Service,
  { trouble, rollout }: { trouble: Instance | undefined; rollout: Rollout },
): { reason?: ServiceReason; message?: string } {
  const own = trouble && {
    ...(trouble.status.reason && { reason: trouble.status.reason }),
    message: `${trouble.name}: ${trouble.status.message ?? trouble.status.state}`,
  };
  const message = exposureOf(service)?.message;
  const unexposed = message === undefined ? {} : { reason: "NotExposed" as const, message };
  if (!rollout.stuck) return own ?? unexposed;
  const why = trouble && hasFailedForGood(trouble)
    ? `the rollout of generation ${service.generation}`
    : `the rollout of generation ${service.generation} did not become ready within ${service.spec.update.timeout} and`;
  const halted = `${why} goes no further; old instances are kept`;
  return { ...(own?.reason && { reason: own.reason }), message: own ? `${own.message}; ${halted}` : halted };
}
