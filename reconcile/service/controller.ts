/** The service controller: one pass is observe, plan, apply in a single commit. @module */
import type { Store } from "../../store/store.ts";
import type { Clock } from "../clock.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { applyService } from "./apply.ts";
import { claims, owns } from "./claims.ts";
import { planService, type ServiceView } from "./plan.ts";

interface ServiceDeps {
  store: Store;
  clock: Clock;
}

/** What is true of a service now; undefined when it is gone. */
function observeService(
  { namespace, name }: { namespace: string; name: string },
  { store, clock }: ServiceDeps,
): ServiceView | undefined {
  const service = store.get("service", namespace, name);
  if (!service) return undefined;
  const deleting = service.deletionRequestedAt !== undefined;
  return {
    service,
    instances: store.list("instance", namespace)
      .filter((i) => i.spec.serviceUid === service.uid)
      .sort((a, b) => a.spec.ordinal - b.spec.ordinal),
    volumes: deleting ? store.list("volume").filter((v) => claims(service, v) || owns(service, v)) : [],
    others: deleting
      ? store.list("service").filter((s) => s.uid !== service.uid && s.deletionRequestedAt === undefined)
      : [],
    now: clock.now(),
  };
}

/** One pass over the service `<namespace>/<name>`. */
export async function reconcileService(key: string, deps: ServiceDeps): Promise<Outcome> {
  const [namespace, name] = key.split("/") as [string, string];
  const view = observeService({ namespace, name }, deps);
  if (!view) return DONE;
  return await applyService(planService(view), { view, store: deps.store });
}
