/**
 * How long an instance that is leaving goes on answering, so that nobody who was led to it is turned away.
 * Pure.
 * @module
 */
import { elapsedMs } from "../../base/clock.ts";
import type { InstanceView } from "./view.ts";

/**
 * Milliseconds between the end of its route, which comes with the wish to remove it, and the end of the
 * instance: enough for the proxy to hear of it, and for short requests to be answered.
 */
export const ROUTE_DRAIN_MS = 500;

/** What is left of it. Nothing for instances that no name leads to, or whose service goes altogether. */
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
