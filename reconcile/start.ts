/**
 * Reconciling: makes what runs match what the store says (DESIGN, "Controllers"). This file wires the sources (store changes, runner
 * events, timers) to the queues; the controllers are in the folders beside it. Nothing here serves a request.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "@logtape/logtape";
import type { Driver } from "../drivers/driver.ts";
import type { Proxy } from "../node/proxy/proxy.ts";
import type { DirectoryHolds } from "../drivers/directory_hold.ts";
import type { Stage } from "../node/mounts/stage.ts";
import type { Runner } from "../runners/runner.ts";
import { toRuneError } from "../model/error.ts";
import type { RunnerName } from "../model/instance.ts";
import { ANNOTATIONS } from "../model/marks.ts";
import type { Volume } from "../model/volume.ts";
import { describeKey } from "../model/resource.ts";
import type { SecretReader } from "../store/secrets/vault.ts";
import type { Change, Store } from "../store/store.ts";
import type { Prober } from "../node/probes/prober.ts";
import { readDataFrom, readSecretFrom } from "./config/data.ts";
import { type RunFiles, sweepFiles } from "../node/run_files.ts";
import type { KeptLogs } from "./kept_logs/kept_logs.ts";
import { reconcileExposure } from "./expose/controller.ts";
import { concernsRoutes } from "./expose/plan.ts";
import { createLooks } from "./instance/looks.ts";
import { reconcileInstance } from "./instance/controller.ts";
import type { Unstored } from "./instance/unstored.ts";
import { createMountTable } from "../node/mount_table.ts";
import type { Outcome } from "./outcome.ts";
import { pause } from "../base/delay.ts";
import { createQueue, type Queue } from "./queue.ts";
import { resolvingDrivers } from "../node/resolving_driver.ts";
import { affectedBy } from "./routing.ts";
import { reconcileSchedule } from "./schedule/controller.ts";
import { reconcileService } from "./service/controller.ts";
import { reconcileSnapshot } from "./snapshot/controller.ts";
import { snapshotsAffectedBy } from "./snapshot/writers.ts";
import { sweep } from "./sweep.ts";
import { sweepStage } from "./sweep_stage.ts";
import { reconcileVolume } from "./volume/controller.ts";

/** What the controllers are built from. */
export interface ControllerDeps {
  store: Store;
  /** Values of secrets, read at the moment of use. */
  secrets: SecretReader;
  drivers: Map<string, Driver>;
  runners: Map<RunnerName, Runner>;
  prober: Prober;
  /** Tells how long ago what is stored was. */
  clock: Clock;
  proxy: Proxy;
  node: { name: string; labels: Record<string, string> };
  logger: Logger;
  /** Where volumes are shown to runs. */
  stage: Stage;
  /** This boot of the host. */
  bootId: string;
  /** Which daemon of this host has which directory. */
  holds: DirectoryHolds;
  /** Where the files of configmaps and secrets are made for runs. */
  files: RunFiles;
  /** Where the last output of instances that are gone is kept. */
  keptLogs: KeptLogs;
  /** Keeps what of instances cannot be stored. */
  unstored?: Unstored;
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
  /** What of it has died, though it should run as long as the daemon; empty when all is well. */
  dead(): string[];
  /** Keys that wait or are worked, by controller. */
  depths(): Record<string, number>;
}

/** An instance whose pass takes longer waits for something slow, most often for its own end: others need not wait for it. */
const STOPPING_MS = 15_000;
/** A lost notice costs this long, never truth. */
const RESYNC_MS = 30_000;
/** A round that is so late does not come any more. */
const DEAD_MS = 5 * RESYNC_MS;
/** After events of a runner ended, which they should not. */
const HEAR_AGAIN_MS = 1_000;
/** What passes in progress are given when the daemon stops. */
const STOP_GRACE_MS = 3_000;

/** Starts all controllers. They begin with everything that is stored. */
export function startControllers(deps: ControllerDeps): Controllers {
  const {
    store,
    secrets,
    runners,
    prober,
    clock,
    proxy,
    node,
    logger,
    files,
    keptLogs,
    stage,
    holds,
    bootId,
    unstored,
  } = deps;
  const drivers = resolvingDrivers(deps.drivers, secrets);
  const readData = readDataFrom(store, readSecretFrom(secrets));
  const stopped = new AbortController();
  let lastRound = performance.now();
  const looks = createLooks();
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
    { placeMs }: { placeMs?: number } = {},
  ): Queue =>
    createQueue({
      concurrency,
      ...(placeMs !== undefined && { placeMs }),
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

  const services = queue("service", 8, (key) => reconcileService(key, { store, clock }));
  const volumes = queue(
    "volume",
    8,
    (key, signal) =>
      reconcileVolume(key, { deps: { store, drivers, mounts, stage, holds, runners, node, clock }, signal }),
  );
  const snapshots = queue(
    "snapshot",
    4,
    (key, signal) =>
      reconcileSnapshot(key, { deps: { store, drivers, runners, mounts, node, clock }, signal }),
  );
  const schedules = queue("schedule", 4, (key) => reconcileSchedule(key, { store, drivers }));
  const remount = ({ uid, namespace, name }: Volume) => {
    mounts.delete(uid);
    volumes.add(`${namespace}/${name}`);
  };
  const instances = queue(
    "instance",
    32,
    (uid, signal) =>
      reconcileInstance(uid, {
        deps: {
          store,
          secrets,
          runners,
          mounts,
          stage,
          remount,
          prober,
          files,
          keptLogs,
          readData,
          clock,
          looks,
          bootId,
          ...(unstored && { unstored }),
        },
        find,
        signal,
      }),
    { placeMs: STOPPING_MS },
  );
  // One key: all routes are one document.
  const routes = queue("exposure", 1, (_key, signal) => reconcileExposure({ store, proxy }, signal));
  const sweeper = queue("sweep", 1, async (_key, signal) => {
    // Files first: they need no runner that answers.
    const cleared = await sweepFiles(files, store) +
      await keptLogs.sweep((uid) => store.list("service").some((service) => service.uid === uid)) +
      await sweep({ store, runners, clock }, signal) + await sweepStage({ stage, holds, store }, signal);
    if (cleared > 0) logger.info("cleared away {cleared} leftovers", { cleared });
    // A run that was cleared away may have been the last of a holder: it is known to be gone from the next look on.
    return { type: "again", afterMs: cleared > 0 ? 0 : RESYNC_MS };
  });

  prober.onChange((uid) => instances.add(uid));
  const unsubscribe = store.subscribe((changes) => {
    for (const change of changes) {
      try {
        hearOf(change);
      } catch (error) {
        // What follows from the others is not to be missed.
        reportError(error);
      }
    }
  });

  function hearOf({ type, resource, previous }: Change): void {
    const deleted = type === "delete";
    if (resource.kind === "instance") {
      const { uid, namespace, name } = resource;
      if (!deleted) places.set(uid, { namespace, name });
      else if (places.get(uid)?.name === name) {
        places.delete(uid);
        prober.forget(uid);
        looks.forget(uid);
        unstored?.forget(uid);
      }
      // A launch that waits, for an image say, must not hold up its own removal.
      const leaving = resource.deletionRequestedAt !== undefined;
      if (!deleted && leaving && previous?.deletionRequestedAt === undefined) instances.interrupt(uid);
    }
    // What is not removed now goes with the next sweep.
    if (resource.kind === "service" && deleted) keptLogs.forget(resource.uid).catch(reportError);
    // Somebody says that an instance is gone: find out now, not at the next round.
    const asked = resource.annotations[ANNOTATIONS.detachRequestedAt];
    if (asked !== undefined && asked !== previous?.annotations[ANNOTATIONS.detachRequestedAt]) {
      sweeper.add("all");
    }
    if (resource.kind === "snapshot" && !deleted && resource.deletionRequestedAt !== undefined) {
      // A copy that nobody wants any more ends at once.
      if (previous?.deletionRequestedAt === undefined) snapshots.interrupt(describeKey(resource));
    }
    snapshotsAffectedBy({ resource, deleted }, store).forEach((key) => snapshots.add(key));
    if (concernsRoutes(resource, { previous, store })) routes.add("all");
    const affected = affectedBy({ resource, previous, deleted }, store);
    affected.services.forEach((key) => services.add(key));
    affected.volumes.forEach((key) => volumes.add(key));
    affected.schedules.forEach((key) => schedules.add(key));
    affected.instances.forEach((uid) => instances.add(uid));
  }

  function addAll(): void {
    lastRound = performance.now();
    for (const { namespace, name } of store.list("volume")) {
      volumes.add(`${namespace}/${name}`);
      schedules.add(`${namespace}/${name}`);
    }
    for (const { namespace, name, spec } of store.list("snapshot")) {
      snapshots.add(`${namespace}/${name}`);
      schedules.add(`${namespace}/${spec.source.volume}`);
    }
    for (const { namespace, name } of store.list("service")) services.add(`${namespace}/${name}`);
    for (const { uid } of store.list("instance")) instances.add(uid);
    routes.add("all");
  }
  const ignoreEnds = proxy.onEnd(() => {
    logger.warn("the proxy of host names has ended by itself; it is started again");
    routes.add("all");
  });

  for (const { uid, namespace, name } of store.list("instance")) places.set(uid, { namespace, name });
  addAll();
  sweeper.add("all");
  const resync = setInterval(addAll, RESYNC_MS);
  const listeners = [...runners.values()].map((runner) => listen(runner));

  async function listen(runner: Runner): Promise<void> {
    while (!stopped.signal.aborted) {
      await hear(runner);
      await pause(HEAR_AGAIN_MS, stopped.signal);
    }
  }

  async function hear(runner: Runner): Promise<void> {
    try {
      for await (const event of runner.events(stopped.signal)) {
        if (event.type === "changed") {
          const { instanceUid, run } = event.ref;
          instances.add(instanceUid);
          // Something happens to a run that is over: somebody may have started it again.
          if (run < (find(instanceUid)?.status.run ?? 0)) sweeper.add("all");
        } else {
          for (const { uid, spec } of store.list("instance")) {
            if (spec.runner !== runner.name) continue;
            looks.forget(uid);
            instances.add(uid);
          }
          sweeper.add("all");
        }
      }
    } catch (error) {
      if (stopped.signal.aborted) return;
      const { message } = toRuneError(error);
      logger.error("events of the {runner} runner ended, and are asked for again: {message}", {
        runner: runner.name,
        message,
      });
    }
  }

  return {
    dead: () => performance.now() - lastRound > DEAD_MS ? ["the rounds of the controllers"] : [],
    depths: () => ({
      service: services.depth,
      volume: volumes.depth,
      snapshot: snapshots.depth,
      schedule: schedules.depth,
      instance: instances.depth,
      exposure: routes.depth,
      sweep: sweeper.depth,
    }),
    async stop() {
      unsubscribe();
      ignoreEnds();
      clearInterval(resync);
      stopped.abort();
      const queues = [services, volumes, snapshots, schedules, instances, routes, sweeper];
      await Promise.all(queues.map((q) => q.stop(STOP_GRACE_MS)));
      await Promise.all(listeners);
      await prober.stop();
    },
  };
}
