/**
 * The exposure controller: one pass applies all routes of services and instances, and writes the result to
 * each service.
 * @module
 */
import type { Nodes } from "../../node/node.ts";
import { findNode } from "../../node/placement.ts";
import { type RuneError, toRuneError } from "../../model/error.ts";
import type { Store } from "../../store/store.ts";
import type { Controller } from "../controller.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { type ExposureView, planExposures, planRoutes } from "./plan.ts";
import { EXPOSURE_WATCHES } from "./watches.ts";

/** The dependencies of a pass. */
export interface ExposureDeps {
  store: Store;
  nodes: Nodes;
}

/** How often to check whether a missing requirement, such as Caddy or a port, is there now. */
const MISSING_MS = 3_000;

function observeExposure(store: Store): ExposureView {
  const services = store.list("service").filter((s) => s.spec.expose?.host !== undefined);
  return { services, instances: services.length === 0 ? [] : store.list("instance") };
}

/** One pass over all routes. */
export async function reconcileExposure(
  { store, nodes }: ExposureDeps,
  signal: AbortSignal,
): Promise<Outcome> {
  const view = observeExposure(store);
  const plan = planRoutes(view);
  let error: RuneError | undefined;
  let urls: Record<string, string[]> = {};
  try {
    urls = await findNode({ nodes }).proxy.apply(plan.routes, signal);
  } catch (thrown) {
    if (signal.aborted) return DONE;
    error = toRuneError(thrown);
  }
  const failure = error && (error.hint === undefined ? error.message : `${error.message}; ${error.hint}`);
  const outcome = { plan, urls, ...(failure !== undefined && { failure }) };
  if (planExposures(view.services, outcome).length > 0) {
    await store.transact((tx) => {
      // Read the services again: they may have changed while the routes were applied.
      const services = view.services.flatMap(({ namespace, name, uid, spec }) => {
        const now = tx.get("service", namespace, name);
        return now?.uid === uid && now.spec.expose?.host === spec.expose?.host ? [now] : [];
      });
      for (const { service, exposure } of planExposures(services, outcome)) {
        tx.update(service, { status: { ...service.status, exposure } });
      }
    });
  }
  if (!error) return DONE;
  // The services report what is missing, so the log does not repeat it.
  return error.code === "failed_precondition"
    ? { type: "again", afterMs: MISSING_MS }
    : { type: "failed", error };
}

/** See the module comment. */
export const EXPOSURE_CONTROLLER: Controller<ExposureDeps> = {
  name: "exposure",
  kind: "service",
  concurrency: 1,
  watches: EXPOSURE_WATCHES,
  reconcile: (_, { deps, signal }) => reconcileExposure(deps, signal),
};
