/**
 * How long an instance that is being removed keeps answering, so that no routed request is refused. Pure.
 * @module
 */
import { elapsedMs } from "../../base/clock.ts";
import type { InstanceView } from "./view.ts";

/**
 * Milliseconds between the removal request, which ends the instance's route, and the stop of the instance.
 * This lets the proxy update its routes and short requests finish.
 */
export const ROUTE_DRAIN_MS = 500;

/**
 * Milliseconds of the drain that are left; 0 if no route leads to the instance or its service is being
 * deleted.
 */
export function drainLeft(
  { instance, service, now }: Pick<InstanceView, "instance" | "service" | "now">,
): number {
  const { deletionRequestedAt, status } = instance;
  if (deletionRequestedAt === undefined || !status.ready || service?.uid !== instance.spec.serviceUid) {
    return 0;
  }
  if (service.spec.expose?.host === undefined || service.deletionRequestedAt !== undefined) return 0;
  return Math.max(0, ROUTE_DRAIN_MS - elapsedMs(deletionRequestedAt, now));
}
