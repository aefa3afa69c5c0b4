/**
 * Reconciling makes the running system match the store. This file gives each controller a queue and delivers
 * the news to it. Each controller's own work is in the folder of its name. Nothing here serves a request.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { repeatOn, SYSTEM_TIMERS, type Timers } from "../base/timers.ts";
import type { Logger } from "@logtape/logtape";
import type { Volume } from "../model/volume.ts";
import type { Nodes } from "../node/node.ts";
import type { SecretReader } from "../store/secrets/vault.ts";
import type { Store } from "../store/store.ts";
import { readDataFrom, readSecretFrom } from "./config/data.ts";
import type { Controller } from "./controller.ts";
import { EXPOSURE_CONTROLLER } from "./expose/controller.ts";
import { followInstances } from "./instance/by_uid.ts";
import { INSTANCE_CONTROLLER } from "./instance/controller.ts";
import { createLooks } from "./instance/looks.ts";
import type { Unstored } from "./instance/unstored.ts";
import type { KeptLogs } from "./kept_logs/kept_logs.ts";
import { createMountedVolumes } from "./mounted_volumes.ts";
import { keysOf, type News, newsOf } from "./news.ts";
import type { Outcome } from "./outcome.ts";
import { findNode } from "../node/placement.ts";
import { createQueue, type Queue, type QueueOptions } from "./queue.ts";
import { SNAPSHOT_POLICY_CONTROLLER } from "./snapshot_policy/controller.ts";
import { SERVICE_CONTROLLER } from "./service/controller.ts";
import { SNAPSHOT_CONTROLLER } from "./snapshot/controller.ts";
import { listenTo } from "./sources.ts";
import { SWEEP_CONTROLLER } from "./sweep/controller.ts";
import { VOLUME_CONTROLLER } from "./volume/controller.ts";

/** The dependencies of the controllers. */
export interface ControllerDeps {
  store: Store;
  /** The nodes that hold volumes and instances. */
  nodes: Nodes;
  /** Reads the value of a secret at the moment of use. */
  secrets: SecretReader;
  /** Measures how long ago a stored time was. */
  clock: Clock;
  logger: Logger;
  /** Keeps the last output of instances that are gone. */
  keptLogs: KeptLogs;
  /** Keeps state of instances that could not be stored. */
  unstored?: Unstored;
  observer?: ReconcileObserver;
}

/** Replacements for real time and real queues in a simulation. */
export interface Scheduling {
  /** Default: real time. */
  timers?: Timers;
  /** Default: {@linkcode createQueue}. */
  makeQueue?(options: QueueOptions): Queue;
}

/** Observes every pass that ends. */
export interface ReconcileObserver {
  countPass(pass: { controller: string; outcome: Outcome["type"]; seconds: number }): void;
}

/** Running controllers. */
export interface Controllers {
  /** Ends all passes and timers; passes are aborted after a few seconds. Workloads keep running. */
  stop(): Promise<void>;
  /** Lists the parts that stopped although the daemon still runs; empty when all is well. */
  listDead(): string[];
  /** The number of keys that wait or are being processed, by controller. */
  depths(): Record<string, number>;
}

/** The longest delay after a missed event. */
const ROUND_MS = 30_000;
/** If a round is this late, the timer is considered dead. */
const DEAD_MS = 5 * ROUND_MS;
/** How long passes in progress may continue when the daemon stops. */
const STOP_GRACE_MS = 3_000;

/** The dependencies of all passes. Each controller uses some of them. */
type PassDeps = ReturnType<typeof makePassDeps>;

/** Add a new controller here. */
const CONTROLLERS: readonly Controller<PassDeps>[] = [
  SERVICE_CONTROLLER,
  VOLUME_CONTROLLER,
  SNAPSHOT_CONTROLLER,
  SNAPSHOT_POLICY_CONTROLLER,
  INSTANCE_CONTROLLER,
  EXPOSURE_CONTROLLER,
  SWEEP_CONTROLLER,
];

function makePassDeps(deps: ControllerDeps, hear: (news: News) => void) {
  const { store, secrets } = deps;
  const mounts = createMountedVolumes((volumeUid) => hear({ kind: "mounted", volumeUid }));
  const instances = followInstances(store);
  return {
    ...deps,
    readData: readDataFrom(store, readSecretFrom(secrets)),
    looks: createLooks(),
    mounts,
    instances,
    findInstance: instances.find,
    remount({ uid, namespace, name }: Volume) {
      mounts.delete(uid);
      hear({ kind: "replaced", namespace, name });
    },
  };
}

/** A controller and its queue. */
interface Worker {
  controller: Controller<PassDeps>;
  queue: Queue;
}

/** Starts all controllers. The first round covers everything in the store. */
export function startControllers(
  deps: ControllerDeps,
  { timers = SYSTEM_TIMERS, makeQueue = createQueue }: Scheduling = {},
): Controllers {
  const { store } = deps;
  const node = findNode(deps);
  const stop = new AbortController();
  const passDeps = makePassDeps(deps, hear);
  const workers: Worker[] = CONTROLLERS.map((controller) => ({
    controller,
    queue: makeQueue(queueOptionsOf(controller, { deps: passDeps, timers })),
  }));
  let lastRound = timers.now();

  function hear(news: News): void {
    for (const { controller: { watches, interrupts }, queue } of workers) {
      try {
        for (const key of keysOf(interrupts, { news, state: store })) queue.interrupt(key);
        for (const key of keysOf(watches, { news, state: store })) queue.add(key);
      } catch (error) {
        // An error in one controller's watches must not keep news from the others.
        reportError(error);
      }
    }
  }

  function startRound(): void {
    lastRound = timers.now();
    hear({ kind: "round" });
  }

  const unsubscribe = store.subscribe((changes) => {
    for (const change of changes) hear(newsOf(change));
  });
  startRound();
  const rounds = repeatOn(timers, ROUND_MS, startRound);
  const listeners = listenTo({ ...deps, node, looks: passDeps.looks, timers, hear }, stop.signal);

  return {
    listDead: () => timers.now() - lastRound > DEAD_MS ? ["the rounds of the controllers"] : [],
    depths: () => Object.fromEntries(workers.map(({ controller, queue }) => [controller.name, queue.depth])),
    async stop() {
      unsubscribe();
      passDeps.instances.close();
      rounds.clear();
      stop.abort();
      await Promise.all(workers.map(({ queue }) => queue.stop(STOP_GRACE_MS)));
      await listeners;
    },
  };
}

function queueOptionsOf(
  controller: Controller<PassDeps>,
  { deps, timers }: { deps: PassDeps; timers: Timers },
): QueueOptions {
  const { name, concurrency, placeMs } = controller;
  return {
    concurrency,
    timers,
    ...(placeMs !== undefined && { placeMs }),
    async work(key, signal) {
      const began = timers.now();
      let outcome: Outcome["type"] = "failed";
      try {
        const result = await controller.reconcile(key, { deps, signal });
        outcome = result.type;
        return result;
      } finally {
        deps.observer?.countPass({ controller: name, outcome, seconds: (timers.now() - began) / 1000 });
      }
    },
    onFailure(key, { error, attempt, retryInMs }) {
      deps.logger.warn("{controller} {key}: {message}; attempt {attempt}, again in {retryInMs} ms", {
        controller: name,
        key,
        message: error.message,
        attempt,
        retryInMs,
      });
    },
  };
}
