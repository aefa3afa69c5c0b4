/**
 * Decides which instances of a service to create, replace and remove, and in which order: docs/services.md,
 * "Rollouts". Pure.
 * @module
 */
import { instanceName } from "../../model/instance_name.ts";
import { parseDuration } from "../../model/duration.ts";
import { hostPortOf } from "../../model/exposing.ts";
import {
  currentTemplate,
  type Instance,
  type InstanceSpec,
  type InstanceState,
  runnerOf,
  templateOf,
} from "../../model/instance.ts";
import { hasCompleted, hasFailedForGood, isCurrent, isDone } from "../../model/job.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Service } from "../../model/service.ts";
import { type Moment, waitedMs } from "../../base/clock.ts";

/** A change to the set of instances. */
export type RolloutStep =
  /**
   * A successor exists beside the old instance of the same ordinal until the old one is gone. With
   * `awaitsTurn` it only prepares until then, and runs afterwards.
   */
  | { do: "create"; ordinal: number; successor: boolean; awaitsTurn?: true }
  | { do: "remove"; name: string; why: string }
  /** The successor takes the name of the ordinal. */
  | { do: "promote"; name: string; ordinal: number };

/** The plan of a rollout. */
export interface Rollout {
  steps: RolloutStep[];
  /** Some instances still run an old template, or the new ones are not ready yet. */
  inProgress: boolean;
  /** The rollout did not become ready in time and goes no further. */
  stuck: boolean;
  /** The rollout did not become ready in time, whether or not an old instance is left. */
  late: boolean;
}

/** Whether an instance waits until the one with its ordinal's name is gone. */
export function awaitsTurn({ name, spec }: Instance): boolean {
  return spec.awaitsTurn === true && name !== instanceName(spec.service, { ...spec, successor: false });
}

/**
 * Whether two instances of one ordinal cannot run at once: they would write one volume, need the same host
 * port, or do one job twice.
 */
export function mustStopFirst({ spec }: Service): boolean {
  return spec.restart === "never" || spec.update.strategy === "recreate" || hostPortOf(spec) !== undefined ||
    listensOnHost(spec) ||
    spec.volumes.some((mount) => !mount.readOnly);
}

/** Whether a process listens on host ports: those it declares, and those its probes connect to. */
function listensOnHost({ process, ports, health }: Service["spec"]): boolean {
  if (process === undefined) return false;
  return ports.length > 0 || Object.values(health ?? {}).some((probe) => probe.type !== "exec");
}

/** Whether an instance writes a volume, so that its successor must not use the volume yet, even to read. */
function holdsAgainst({ spec }: Service, instance: Instance): boolean {
  return writesImageVolume(instance) ||
    spec.volumes.length > 0 && currentTemplate(instance).volumes.some((mount) => !mount.readOnly);
}

/**
 * Whether an instance's image has a volume that no mount covers. The successor gets the same volume, and must
 * not write it at the same time.
 */
export function writesImageVolume({ status }: Instance): boolean {
  return (status.image?.volumes.length ?? 0) + (status.engineVolumes?.length ?? 0) > 0;
}

/** The spec of an instance created now. */
export function instanceSpec(service: Service, ordinal: number): InstanceSpec {
  const restartedAt = service.annotations[ANNOTATIONS.restartedAt];
  return {
    service: service.name,
    serviceUid: service.uid,
    ordinal,
    runner: runnerOf(service.spec),
    serviceGeneration: service.generation,
    ...(restartedAt !== undefined && { restartedAt }),
    template: templateOf(service.spec),
  };
}

/** One ordinal: the instance with its name, and the successor beside it. */
interface Slot {
  ordinal: number;
  main?: Instance;
  next?: Instance;
}

const isLeaving = (instance: Instance | undefined) => instance?.deletionRequestedAt !== undefined;
const isReady = (instance: Instance | undefined) =>
  instance !== undefined && !isLeaving(instance) && instance.status.ready;
/** Ready or completed: there is nothing more to wait for. */
const isSettled = (instance: Instance | undefined) =>
  instance !== undefined && !isLeaving(instance) && isDone(instance);
/** The instance has ended for good, so its successor does not have to take over from it. */
const hasEnded = (instance: Instance) => hasCompleted(instance) || hasFailedForGood(instance);
/** States in which the instance may be serving. */
const RUNNING: readonly InstanceState[] = ["Running", "Unhealthy", "Starting", "Stopping"];
/** Whether an instance runs, or is prepared and about to run. */
const runs = (instance: Instance | undefined) =>
  instance !== undefined &&
  (RUNNING.includes(instance.status.state) ||
    (instance.status.preparedAt !== undefined && instance.status.run === 0 &&
      instance.status.state === "Pending"));

/** Plans the rollout of a service that is not being deleted. */
export function planRollout(service: Service, instances: Instance[], now: Moment): Rollout {
  const { spec, name } = service;
  const slots: Slot[] = Array.from({ length: spec.scale }, (_, ordinal) => ({ ordinal }));
  const steps: RolloutStep[] = [];
  const removals: Instance[] = [];
  for (const instance of instances) {
    const slot = slots[instance.spec.ordinal];
    if (!slot) removals.push(instance);
    else if (instance.name === instanceName(name, { ...slot, successor: false })) slot.main = instance;
    else slot.next = instance;
  }
  removals.filter((i) => !isLeaving(i)).sort((a, b) => b.spec.ordinal - a.spec.ordinal)
    .forEach((i) => steps.push({ do: "remove", name: i.name, why: "scaled down" }));

  const outdated = slots.filter((s) => s.main && !isCurrent(service, s.main));
  const replacedAll = slots.every((s) => !s.next && s.main && isCurrent(service, s.main));
  const settled = replacedAll && slots.every((s) => isSettled(s.main));
  // A failed job is not run again, so there is no point in waiting.
  const failed = instances.some((i) => !isLeaving(i) && isCurrent(service, i) && hasFailedForGood(i));
  const late = !settled && (failed || timedOut(service, { instances, now }));
  const over = settled || (replacedAll && slots.every((s) => isSettled(s.main) || hasFailedForGood(s.main!)));
  const stuck = outdated.length > 0 && late;
  const waitForAll = spec.update.strategy === "recreate" &&
    instances.some((i) => !isCurrent(service, i) && !awaitsTurn(i));
  for (const { main, next, ordinal } of slots) {
    if (main || !next || isLeaving(next) || (waitForAll && awaitsTurn(next))) continue;
    steps.push({ do: "promote", name: next.name, ordinal });
  }
  if (!waitForAll) {
    for (const slot of slots) {
      if (!slot.main && !slot.next) {
        steps.push({ do: "create", ordinal: slot.ordinal, successor: false });
      }
    }
  }
  if (!stuck) {
    steps.push(
      ...slots.filter((slot) => isSuperfluous(service, slot)).map(({ next }) => makeReplacement(next!)),
    );
    const plan = spec.update.strategy === "recreate"
      ? removeAll
      : mustStopFirst(service) || outdated.some(({ main }) => holdsAgainst(service, main!))
      ? stopFirst
      : startFirst;
    const outdone = outdated.filter(isOutdone);
    steps.push(...outdone.map(({ main }) => makeReplacement(main!)));
    steps.push(...plan(service, slots, outdated.filter((slot) => !outdone.includes(slot)).reverse()));
  }
  return { steps, inProgress: !over, stuck, late };
}

/** When the rollout in progress began; undefined if the status describes an earlier generation or restart. */
export function rolloutStart({ generation, status, annotations }: Service): string | undefined {
  if (status.observedGeneration !== generation) return undefined;
  const restartedAt = annotations[ANNOTATIONS.restartedAt];
  const startedAt = status.rolloutStartedAt;
  return restartedAt !== undefined && startedAt !== undefined && startedAt < restartedAt
    ? undefined
    : startedAt;
}

/**
 * Whether a successor is preparing and has met no problem. A pull may take long, and the old instance keeps
 * running meanwhile.
 */
export function isPreparing(service: Service, instance: Instance): boolean {
  const { preparedAt, launchFailures, reason } = instance.status;
  return awaitsTurn(instance) && !isLeaving(instance) && isCurrent(service, instance) &&
    preparedAt === undefined && launchFailures === 0 && reason === undefined;
}

/** The time when a successor was last prepared, or `since` if that is later. */
export function latestPreparation(
  service: Service,
  { instances, since }: { instances: Instance[]; since: string },
): string {
  const prepared = instances.filter((i) => isCurrent(service, i)).map((i) => i.status.preparedAt ?? "");
  return [since, ...prepared].sort().at(-1)!;
}

function timedOut(service: Service, { instances, now }: { instances: Instance[]; now: Moment }): boolean {
  const startedAt = rolloutStart(service);
  if (startedAt === undefined || instances.some((i) => isPreparing(service, i))) return false;
  const since = latestPreparation(service, {
    instances,
    since: service.status.rolloutProgress?.at ?? startedAt,
  });
  return waitedMs(since, now) > parseDuration(service.spec.update.timeout);
}

const makeReplacement = (instance: Instance): RolloutStep => ({
  do: "remove",
  name: instance.name,
  why: "replaced",
});

/**
 * Whether a successor is no longer needed because another cast, a rollback or a restart came while it
 * started. If it is the only instance of its ordinal, it stays until another one serves.
 */
function isSuperfluous(service: Service, { main, next }: Slot): boolean {
  if (!main || !next || isLeaving(next)) return false;
  if (isCurrent(service, next) && (isLeaving(main) || !isCurrent(service, main))) return false;
  // This one can start; the newer spec may not be able to.
  if (isLeaving(main) && next.status.preparedAt !== undefined) return false;
  return !isReady(next) || isSettled(main);
}

/**
 * Whether an instance is not ready but its successor is, of whatever generation. The successor serves better,
 * and is replaced later.
 */
function isOutdone({ main, next }: Slot): boolean {
  return !isLeaving(main) && !isReady(main) && isReady(next);
}

/**
 * Whether a successor can start, as far as can be known in advance. One that does not wait for its turn must
 * be ready.
 */
const isPrepared = (service: Service, next: Instance | undefined) =>
  next !== undefined && !isLeaving(next) && isCurrent(service, next) &&
  (next.spec.awaitsTurn ? next.status.preparedAt !== undefined : isSettled(next));

const createWaiting = (ordinal: number): RolloutStep => ({
  do: "create",
  ordinal,
  successor: true,
  awaitsTurn: true,
});

/** Stops all old instances at once when all successors are prepared. */
function removeAll(service: Service, _slots: Slot[], outdated: Slot[]): RolloutStep[] {
  const running = outdated.filter(({ main }) => runs(main) && !isLeaving(main));
  const idle = outdated.filter(({ main }) => !runs(main) && !isLeaving(main));
  const go = running.every(({ next }) => isPrepared(service, next));
  const missing = running.filter(({ next }) => next === undefined);
  return [
    ...[...idle, ...go ? running : []].map(({ main }) => makeReplacement(main!)),
    ...missing.map(({ ordinal }) => createWaiting(ordinal)),
  ];
}

/**
 * Stops old instances while at most `maxUnavailable` ordinals have no ready instance. A running instance
 * stops only after its successor is prepared.
 */
function stopFirst(service: Service, slots: Slot[], outdated: Slot[]): RolloutStep[] {
  const { maxUnavailable } = service.spec.update;
  let unavailable = slots.filter((s) => !isSettled(s.main) && !isSettled(s.next)).length;
  let preparing = slots.filter((s) => s.next && s.main).length;
  const steps: RolloutStep[] = [];
  for (const { main, next, ordinal } of outdated) {
    if (isLeaving(main)) continue;
    const counts = isReady(main) && !isReady(next);
    if (runs(main) && !next) {
      if (preparing + (counts ? unavailable : 0) >= maxUnavailable) continue;
      preparing++;
      steps.push(createWaiting(ordinal));
      continue;
    }
    if (runs(main) && !isPrepared(service, next)) continue;
    if (counts) {
      if (unavailable >= maxUnavailable) continue;
      unavailable++;
    }
    steps.push(makeReplacement(main!));
  }
  return steps;
}

/**
 * Starts successors, `maxUnavailable` at a time, and removes each old instance once its successor is ready.
 */
function startFirst(service: Service, slots: Slot[], outdated: Slot[]): RolloutStep[] {
  const steps: RolloutStep[] = [];
  let surging = slots.filter((s) => s.next && s.main).length;
  for (const { main, next, ordinal } of outdated) {
    if (isLeaving(main)) continue;
    if (next) {
      // A successor that awaits its turn was created under another strategy.
      if (isPrepared(service, next)) steps.push(makeReplacement(main!));
    } else if (hasEnded(main!)) {
      steps.push(makeReplacement(main!));
    } else if (surging < service.spec.update.maxUnavailable) {
      surging++;
      steps.push({ do: "create", ordinal, successor: true });
    }
  }
  return steps;
}
