/**
 * Gradual scaling: decides how many instances to run now on the way to the requested scale. Pure.
 * @module
 */
import { parseDuration } from "../../model/duration.ts";
import { gradualScaleOf } from "../../model/gradual_scale.ts";
import type { Instance } from "../../model/instance.ts";
import { hasFailedForGood, isDone } from "../../model/job.ts";
import type { Service, ServiceStatus } from "../../model/service.ts";
import { type Moment, waitedMs } from "../../base/clock.ts";
import { addCause, type Revert } from "./revert.ts";
import { worstLately } from "./status.ts";

/** The plan of a gradual scale. */
export interface Scaling {
  /** The service with the scale for the current step. */
  effective: Service;
  /** The progress for the status; absent if no gradual scale is under way. */
  progress?: NonNullable<ServiceStatus["scaling"]>;
  /** Set when a step failed. */
  revert?: Revert;
  /** When the next step is due, or the current one fails. */
  afterMs?: number;
}

/**
 * Decides how far a gradual scale may go now. It takes the next step when the last one is ready and its
 * interval is over.
 */
export function planScaling(service: Service, instances: Instance[], now: Moment): Scaling {
  const request = gradualScaleOf(service);
  const { scale: target } = service.spec;
  const from = service.status.scaling?.generation === service.generation ? service.status.scaling : undefined;
  if (!request || from?.done) return { effective: service, ...(request && from && { progress: from }) };
  const step = (current: number) =>
    target > current ? Math.min(target, current + request.step) : Math.max(target, current - request.step);
  const at = (current: number, since: string, afterMs: number): Scaling => ({
    effective: { ...service, spec: { ...service.spec, scale: current } },
    progress: { generation: service.generation, current, since },
    afterMs: Math.max(1, afterMs),
  });
  if (!from) return at(step(request.from), now.toISOString(), request.intervalMs);
  const waited = waitedMs(from.since, now);
  const wanted = instances.filter((i) =>
    i.spec.ordinal < from.current && i.deletionRequestedAt === undefined && isDone(i)
  );
  const reached = new Set(wanted.map((i) => i.spec.ordinal)).size >= from.current;
  if (reached && from.current === target) return { effective: service, progress: { ...from, done: true } };
  if (reached) {
    return waited >= request.intervalMs
      ? at(step(from.current), now.toISOString(), request.intervalMs)
      : at(from.current, from.since, request.intervalMs - waited);
  }
  const limitMs = parseDuration(service.spec.update.timeout);
  const failed = instances.find((i) => i.spec.ordinal >= request.from && hasFailed(i));
  if (target > request.from && (failed || waited > limitMs)) {
    const late = `${from.current} instances did not become ready within ${service.spec.update.timeout}`;
    const unready = instances.filter((i) => i.spec.ordinal >= request.from && !i.status.ready);
    const why = failed
      ? `${failed.name}: ${failed.status.message ?? failed.status.state}`
      : addCause(late, worstLately(unready));
    const message = `scaling to ${target} failed at ${from.current} and went back to ${request.from}: ${why}`;
    return {
      ...at(from.current, from.since, 1),
      revert: { from: service.generation, scale: request.from, message },
    };
  }
  return at(from.current, from.since, limitMs - waited + 1);
}

/** Whether an instance has failed in a way that waiting does not fix. */
function hasFailed({ status, deletionRequestedAt }: Instance): boolean {
  return deletionRequestedAt === undefined &&
    (status.state === "Stalled" || hasFailedForGood({ status }) || status.reason === "CrashLoop" ||
      status.reason === "OutOfMemory");
}
