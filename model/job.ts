/**
 * Services that may end (`restart: never` and `on-failure`): whether an instance is done, and whether a
 * service is. Pure.
 * @module
 */
import { currentTemplate, type Instance, templateOf } from "./instance.ts";
import { sameValue } from "./changes.ts";
import { ANNOTATIONS } from "./marks.ts";
import type { Service, ServiceSpec } from "./service.ts";

/** Whether Rune restarts a program that ended. */
export function restartsAfter(policy: ServiceSpec["restart"], { clean }: { clean: boolean }): boolean {
  return policy === "always" || (policy === "on-failure" && !clean);
}

/** Whether it ended well and will not restart. */
export function hasCompleted({ status: { state, lastFailure } }: Pick<Instance, "status">): boolean {
  // An earlier version stored an end with exit code 0 like this.
  const formerly = state === "Stopped" && lastFailure?.exitCode === 0 &&
    lastFailure.reason === "LaunchFailed";
  return state === "Completed" || formerly;
}

/** Whether it failed and will not restart. */
export function hasFailedForGood(instance: Pick<Instance, "status">): boolean {
  const { state, lastFailure } = instance.status;
  return state === "Stopped" && lastFailure !== undefined && !hasCompleted(instance);
}

/** Whether it is in its desired state: ready, or ended well. */
export function isDone(instance: Pick<Instance, "status">): boolean {
  return instance.status.ready || hasCompleted(instance);
}

/** Whether an instance runs the current generation of its service. */
export function isCurrent(service: Service, instance: Instance): boolean {
  return instance.spec.restartedAt === service.annotations[ANNOTATIONS.restartedAt] &&
    sameValue(currentTemplate(instance), templateOf(service.spec));
}

/** Whether only its end shows how a service fares: it runs once and has no checks or ports. */
export function runsOnce({ restart, health, ports, expose }: ServiceSpec): boolean {
  return restart === "never" && health === undefined && ports.length === 0 && expose === undefined;
}
