/**
 * Reconciling: makes what runs match what the store says (DESIGN, "Controllers"). This file wires the sources (store changes, runner
 * events, timers) to the queues; the controllers are in the folders beside it. Nothing here serves a request.
 * @module
 */
import type { Logger } from "@logtape/logtape";
import type { Driver } from "../drivers/driver.ts";
import type { Runner } from "../runners/runner.ts";
import { toRuneError } from "../spec/error.ts";
import type { RunnerName } from "../spec/instance.ts";
import type { Store } from "../store/store.ts";
import { reconcileInstance } from "./instance/controller.ts";
import { createMountTable } from "./mount_table.ts";
import type { Outcome } from "./outcome.ts";
import { createQueue, type Queue } from "./queue.ts";
import { affectedBy } from "./routing.ts";
import { reconcileService } from "./service/controller.ts";
import { sweep } from "./sweep.ts";
import { reconcileVolume } from "./volume/controller.ts";

/** What the controllers are built from. */
export interface ControllerDeps {
  store: Store;
  drivers: Map<string, Driver>;
  runners: Map<RunnerName, Runner>;
  node: { name: string; labels: Record<string, string> };
  logger: Logger;
  observer?: ReconcileObserver;
}

/** Told of every pass that ended. */
export interface ReconcileObserver {
  passed(pass: { controller: string; outcome: Outcome["type"]; seconds: number }): void;
}

/** Running controllers. */
export interface Controllers {
  /** Ends all passes (aborted after a few seconds) and all timers; workloads go on. */
  stop(): Promise<void>;
  /** Keys that wait or are worked, by controller. */
  depths(): Record<string, number>;
}

/** A lost notice costs this long, never truth. */
const RESYNC_MS = 30_000;
/** What passes in progress are given when the daemon stops. */
const STOP_GRACE_MS = 3_000;

/** Starts all controllers. They begin with everything that is stored. */
export function startControllers(deps: ControllerDeps): Controllers {
  const { store, drivers, runners, node, logger } = deps;
  const stopped = new AbortController();
  const places = new Map<string, { namespace: string; name: string }>();

  const mounts = createMountTable((volumeUid) => {
    const volume = store.list("volume").find((v) => v.uid === volumeUid);
    if (!volume) return;
    const affected = affectedBy({ resource: volume, deleted: false }, store);
    affected.instances.forEach((uid) => instances.add(uid));
  });
  const find = (uid: string) => {
    const place = places.get(uid);
    const instance = place && store.get("instance", place.namespace, place.name);
    return instance?.uid === uid ? instance : undefined;
  };

  const observed =
    (controller: string, work: (key: string, signal: AbortSignal) => Promise<Outcome>): typeof work =>
    async (key, signal) => {
      const began = performance.now();
      let outcome: Outcome["type"] = "failed";
      try {
        const result = await work(key, signal);
        outcome = result.type;
        return result;
      } finally {
        deps.observer?.passed({ controller, outcome, seconds: (performance.now() - began) / 1000 });
      }
    };
  const queue = (
    name: string,
    concurrency: number,
    work: (key: string, signal: AbortSignal) => Promise<Outcome>,
  ): Queue =>
    createQueue({
      concurrency,
      work: observed(name, work),
      onFailure(key, { error, attempt, retryInMs }) {
        logger.warn("{controller} {key}: {message}; attempt {attempt}, again in {retryInMs} ms", {
          controller: name,
          key,
          message: error.message,
          attempt,
          retryInMs,
        });
      },
    });

  const services = queue("service", 8, (key) => reconcileService(key, { store }));
  const volumes = queue(
    "volume",
    8,
    (key, signal) => reconcileVolume(key, { deps: { store, drivers, mounts, node }, signal }),
  );
  const instances = queue(
    "instance",
    32,
    (uid, signal) => reconcileInstance(uid, { deps: { store, runners, mounts }, find, signal }),
  );
  const sweeper = queue("sweep", 1, async (_key, signal) => {
    const cleared = await sweep({ store, runners }, signal);
    if (cleared > 0) logger.info("cleared away {cleared} leftovers", { cleared });
    return { type: "again", afterMs: RESYNC_MS };
  });

  const unsubscribe = store.subscribe((changes) => {
    for (const { type, resource, previous } of changes) {
      const deleted = type === "delete";
      if (resource.kind === "instance") {
        const { uid, namespace, name } = resource;
        if (!deleted) places.set(uid, { namespace, name });
        else if (places.get(uid)?.name === name) places.delete(uid);
        // A launch that waits, for an image say, must not hold up its own removal.
        const leaving = resource.deletionRequestedAt !== undefined;
        if (!deleted && leaving && previous?.deletionRequestedAt === undefined) instances.interrupt(uid);
      }
      const affected = affectedBy({ resource, previous, deleted }, store);
      affected.services.forEach((key) => services.add(key));
      affected.volumes.forEach((key) => volumes.add(key));
      affected.instances.forEach((uid) => instances.add(uid));
    }
  });

  function addAll(): void {
    for (const { namespace, name } of store.list("volume")) volumes.add(`${namespace}/${name}`);
    for (const { namespace, name } of store.list("service")) services.add(`${namespace}/${name}`);
    for (const { uid } of store.list("instance")) instances.add(uid);
  }

  for (const { uid, namespace, name } of store.list("instance")) places.set(uid, { namespace, name });
  addAll();
  sweeper.add("all");
  const resync = setInterval(addAll, RESYNC_MS);
  const listeners = [...runners.values()].map((runner) => listen(runner));

  async function listen(runner: Runner): Promise<void> {
    try {
      for await (const event of runner.events(stopped.signal)) {
        if (event.type === "changed") instances.add(event.ref.instanceUid);
        else {
          for (const { uid, spec } of store.list("instance")) {
            if (spec.runner === runner.name) instances.add(uid);
          }
          sweeper.add("all");
        }
      }
    } catch (error) {
      if (stopped.signal.aborted) return;
      const { message } = toRuneError(error);
      logger.error("events of the {runner} runner ended: {message}", { runner: runner.name, message });
    }
  }

  return {
    depths: () => ({
      service: services.depth,
      volume: volumes.depth,
      instance: instances.depth,
      sweep: sweeper.depth,
    }),
    async stop() {
      unsubscribe();
      clearInterval(resync);
      stopped.abort();
      await Promise.all([services, volumes, instances, sweeper].map((q) => q.stop(STOP_GRACE_MS)));
      await Promise.all(listeners);
    },
  };
}
