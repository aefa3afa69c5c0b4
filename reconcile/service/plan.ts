/** Plans the next steps for one service, only from its observed state. @module */
import { parseDuration } from "../../model/duration.ts";
import type { Instance } from "../../model/instance.ts";
import { FINALIZERS } from "../../model/marks.ts";
import type { Service, ServiceStatus, StaleConfig } from "../../model/service.ts";
import type { Volume } from "../../model/volume.ts";
import { type Moment, waitedMs } from "../../base/clock.ts";
import { goesWithService } from "../instance/image.ts";
import { claims, owns } from "./claims.ts";
import { planRollback, type Revert } from "./revert.ts";
import { latestPreparation, planRollout, type RolloutStep } from "./rollout.ts";
import { planScaling } from "./scaling.ts";
import { serviceStatus, worstLately } from "./status.ts";

/** The observed state that a plan is made from. */
export interface ServiceView {
  service: Service;
  /** Its instances, by ordinal. */
  instances: Instance[];
  /**
   * Instances that never ran and lack a volume of a template. The volume was being deleted when they were
   * created, and is now gone.
   */
  lacking?: Instance[];
  /** Configmaps and secrets that changed since its instances were started. */
  staleConfig?: StaleConfig[];
  /** Volumes that the service claims or owns. */
  volumes: Volume[];
  /** Other services that are not being deleted; one of them may claim the same volume. */
  others: Service[];
  now: Moment;
}

/** One step. */
export type ServiceStep =
  | RolloutStep
  /** Create the missing volumes of an instance's templates. */
  | { do: "makeVolumes"; name: string }
  /** Release a volume whose service was deleted; its data is kept. */
  | { do: "releaseVolume"; namespace: string; name: string }
  /** Delete a volume with its service, by its reclaim policy. */
  | { do: "deleteVolume"; namespace: string; name: string }
  /** Remove the service: nothing else is left of it. */
  | { do: "drop" }
  | { do: "setStatus"; status: ServiceStatus }
  /** A rollout or a gradual scale failed: go back, as a new generation. */
  | { do: "revert"; revert: Revert };

/** A plan: its steps, which are committed together, and when to look again if nothing changes. */
export interface ServicePlan {
  steps: ServiceStep[];
  afterMs?: number;
}

/** Decides the next steps. */
export function planService(view: ServiceView): ServicePlan {
  const { service, instances, now } = view;
  if (service.deletionRequestedAt !== undefined) return { steps: planDeletion(view) };
  const scaling = planScaling(service, instances, now);
  const rollout = planRollout(scaling.effective, instances, now);
  const status = {
    ...serviceStatus(service, { instances, rollout, now }),
    ...(scaling.progress && { scaling: scaling.progress }),
    ...(view.staleConfig?.length && { staleConfig: view.staleConfig }),
  };
  const revert = scaling.revert ?? planRollback(service, {
    rollout,
    status,
    trouble: worstLately(instances.filter((i) => i.deletionRequestedAt === undefined && !i.status.ready)),
  });
  const last: ServiceStep[] = revert ? [{ do: "revert", revert }] : [];
  const afterMs = Math.min(
    rollout.stuck ? Infinity : untilLate({ service, status, instances, now }),
    scaling.afterMs ?? Infinity,
  );
  return {
    steps: [...lackingSteps(view), ...rollout.steps, { do: "setStatus", status }, ...last],
    ...(afterMs !== Infinity && { afterMs: Math.max(1, afterMs) }),
  };
}

/**
 * Milliseconds until a rollout in progress is late. `Infinity` if there is no rollout or it is already late.
 */
function untilLate(
  { service, status: { rolloutProgress }, instances, now }:
    & Pick<ServiceView, "service" | "instances" | "now">
    & {
      status: ServiceStatus;
    },
): number {
  if (rolloutProgress === undefined) return Infinity;
  const since = latestPreparation(service, { instances, since: rolloutProgress.at });
  const leftMs = parseDuration(service.spec.update.timeout) - waitedMs(since, now) + 1;
  return leftMs > 0 ? leftMs : Infinity;
}

function lackingSteps({ lacking = [] }: ServiceView): ServiceStep[] {
  return lacking.map(({ name }) => ({ do: "makeVolumes", name }));
}

function planDeletion({ service, instances, volumes, others }: ServiceView): ServiceStep[] {
  if (instances.length > 0) {
    const steps = instances.filter((i) => i.deletionRequestedAt === undefined)
      .sort((a, b) => b.spec.ordinal - a.spec.ordinal)
      .map((i): ServiceStep => ({ do: "remove", name: i.name, why: `service ${service.name} is deleted` }));
    const { reason: _r, rolloutStartedAt: _s, rolloutProgress: _p, message: _m, ...kept } = service.status;
    const status: ServiceStatus = { ...kept, state: "Deleting", instances: instances.length };
    const trouble = instances.find((i) => i.status.reason !== undefined);
    if (trouble?.status.message) status.message = `${trouble.name}: ${trouble.status.message}`;
    return [...steps, { do: "setStatus", status }];
  }
  const cascade = service.finalizers.includes(FINALIZERS.volumeCleanup);
  const steps = volumes.filter((v) => v.deletionRequestedAt === undefined).flatMap((v): ServiceStep[] => {
    const { namespace, name } = v;
    const wantedElsewhere = others.some((other) => claims(other, v));
    const goes = goesWithService(service, v) && !wantedElsewhere;
    if (goes || (cascade && owns(service, v))) return [{ do: "deleteVolume", namespace, name }];
    return wantedElsewhere || v.status.handle === undefined ? [] : [{ do: "releaseVolume", namespace, name }];
  });
  return [...steps, { do: "drop" }];
}
