/** The service controller: one pass is observe, plan, apply in a single commit. @module */
import { volumeKeyOf } from "../../model/claim_names.ts";
import type { Instance } from "../../model/instance.ts";
import type { Store } from "../../store/store.ts";
import type { Clock } from "../../base/clock.ts";
import type { Controller } from "../controller.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { staleConfig } from "../config/versions.ts";
import { applyService } from "./apply.ts";
import { claims, owns } from "./claims.ts";
import { planService, type ServiceView } from "./plan.ts";
import { SERVICE_WATCHES } from "./watches.ts";

/** The dependencies of a pass. */
export interface ServiceDeps {
  store: Store;
  clock: Clock;
}

/** Observes the current state of a service; undefined if it is gone. */
function observeService(
  { namespace, name }: { namespace: string; name: string },
  { store, clock }: ServiceDeps,
): ServiceView | undefined {
  const service = store.get("service", namespace, name);
  if (!service) return undefined;
  const deleting = service.deletionRequestedAt !== undefined;
  const instances = store.list("instance", namespace)
    .filter((i) => i.spec.serviceUid === service.uid)
    .sort((a, b) => a.spec.ordinal - b.spec.ordinal);
  return {
    service,
    instances,
    staleConfig: staleConfig(store, instances),
    lacking: instances.filter((instance) => lacksVolume(instance, store)),
    volumes: deleting ? store.list("volume").filter((v) => claims(service, v) || owns(service, v)) : [],
    others: deleting
      ? store.list("service").filter((s) => s.uid !== service.uid && s.deletionRequestedAt === undefined)
      : [],
    now: clock.now(),
  };
}

/**
 * Whether an instance waits for a missing volume of a template. An instance that has run had its volume, so
 * no new one replaces it.
 */
function lacksVolume(instance: Instance, store: Store): boolean {
  if (instance.status.run > 0 || instance.deletionRequestedAt !== undefined) return false;
  return instance.spec.template.volumes.some((mount) => {
    const { namespace, name } = volumeKeyOf(mount, instance);
    return mount.claimTemplate !== undefined && store.get("volume", namespace, name) === undefined;
  });
}

/** One pass over the service `<namespace>/<name>`. */
export async function reconcileService(key: string, deps: ServiceDeps): Promise<Outcome> {
  const [namespace, name] = key.split("/") as [string, string];
  const view = observeService({ namespace, name }, deps);
  if (!view) return DONE;
  return await applyService(planService(view), { view, store: deps.store });
}

/** See the module comment. */
export const SERVICE_CONTROLLER: Controller<ServiceDeps> = {
  name: "service",
  kind: "service",
  concurrency: 8,
  watches: SERVICE_WATCHES,
  reconcile: (key, { deps }) => reconcileService(key, deps),
};
