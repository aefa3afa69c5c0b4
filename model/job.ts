/**
 * Services that may end: how an instance whose program ended for good is told (`restart: never`, `on-failure`), and when a service
 * is what it was asked to be. Pure.
 * @module
 */
import { currentTemplate, type Instance, templateOf } from "./instance.ts";
import { sameValue } from "./changes.ts";
import { ANNOTATIONS } from "./marks.ts";
import type { Service, ServiceSpec } from "./service.ts";

/** Whether a program that ended is started again. */
export function restartsAfter(policy: ServiceSpec["restart"], { clean }: { clean: boolean }): boolean {
  return policy === "always" || (policy === "on-failure" && !clean);
}

/** It ended well and is not started again. */
export function hasCompleted({ status: { state, lastFailure } }: Pick<Instance, "status">): boolean {
  // How an earlier version stored an end with exit code 0.
  const formerly = state === "Stopped" && lastFailure?.exitCode === 0 &&
    lastFailure.reason === "LaunchFailed";
  return state === "Completed" || formerly;
}

/** It ended in failure and is not started again. */
export function hasFailedForGood(instance: Pick<Instance, "status">): boolean {
  const { state, lastFailure } = instance.status;
  return state === "Stopped" && lastFailure !== undefined && !hasCompleted(instance);
}

/** It is as it should be: ready, or ended well. */
export function isDone(instance: Pick<Instance, "status">): boolean {
  return instance.status.ready || hasCompleted(instance);
}

/** Whether an instance runs what its service asks for now. */
export function isCurrent(service: Service, instance: Instance): boolean {
  return instance.spec.restartedAt === service.annotations[ANNOTATIONS.restartedAt] &&
    sameValue(currentTemplate(instance), templateOf(service.spec));
}

/** Whether nothing but its end tells how a service fares: it runs once, and nobody asks it anything. */
export function runsOnce({ restart, health, ports, expose }: ServiceSpec): boolean {
  return restart === "never" && health === undefined && ports.length === 0 && expose === undefined;
}
