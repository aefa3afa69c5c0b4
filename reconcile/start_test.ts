/** Each controller has a queue, and news reaches the controllers that watch for it. @module */
import assert from "node:assert/strict";
import { createClock } from "../base/clock.ts";
import { SYSTEM_TIMERS, type Timers } from "../base/timers.ts";
import { createKeyFeed } from "../base/key_feed.ts";
import { sleepQuietly } from "../base/delay.ts";
import type { ProxyEvent } from "../node/proxy/proxy.ts";
import { makeNodes } from "../node/testing/partial_nodes.ts";
import { withStore } from "../store/store_fixture.ts";
import type { Store } from "../store/store.ts";
import type { Queue, QueueOptions } from "./queue.ts";
import { type ControllerDeps, startControllers } from "./start.ts";
import { makeService } from "./testing/resources.ts";

/** The calls to a queue, in order. */
type Log = { queue: number; call: "add" | "interrupt" | "stop"; key?: string }[];

function start(store: Store) {
  const log: Log = [];
  const waits: { ms: number; fire: () => void }[] = [];
  let now = 0;
  let count = 0;
  const makeQueue = ({ timers }: QueueOptions): Queue => {
    assert.equal(timers, virtual);
    const queue = count++;
    return {
      add: (key) => void log.push({ queue, call: "add", key }),
      addAfter: () => {},
      interrupt: (key) => void log.push({ queue, call: "interrupt", key }),
      get depth() {
        return log.filter((entry) => entry.queue === queue && entry.call === "add").length;
      },
      stop: () => Promise.resolve(void log.push({ queue, call: "stop" })),
    };
  };
  const virtual: Timers = {
    now: () => now,
    start(ms, fire) {
      const wait = { ms, fire };
      waits.push(wait);
      return { clear: () => void waits.splice(waits.indexOf(wait), 1) };
    },
    yieldTurn: SYSTEM_TIMERS.yieldTurn,
  };
  const outside = { probes: createKeyFeed<string>(), proxy: createKeyFeed<ProxyEvent>() };
  const deps = {
    store,
    nodes: makeNodes({
      runners: new Map(),
      drivers: new Map(),
      probes: { changes: outside.probes.listen },
      proxy: { events: outside.proxy.listen },
    }),
    clock: createClock(),
    logger: { warn: () => {}, error: (text: string) => assert.fail(text) },
  } as Partial<Record<keyof ControllerDeps, unknown>> as ControllerDeps;
  const controllers = startControllers(deps, { timers: virtual, makeQueue });
  return { controllers, log, waits, outside, wait: (ms: number) => void (now += ms) };
}

/** The keys added to each queue since the log was emptied, by controller. */
function listAdded({ controllers, log }: Pick<ReturnType<typeof start>, "controllers" | "log">) {
  const names = Object.keys(controllers.depths());
  const keys = log.splice(0).filter(({ call }) => call === "add").map((
    { queue, key },
  ) => [names[queue]!, key!]);
  return Object.fromEntries(
    names.map((name) => [name, keys.filter(([of]) => of === name).map(([, key]) => key)]),
  );
}

Deno.test("startControllers() starts a round for every controller at the start and every 30 seconds, and notices when rounds stop", () =>
  withStore(async ({ store }) => {
    const { spec, status } = makeService();
    await store.transact((tx) =>
      tx.create({ kind: "service", namespace: "default", name: "web", spec, status })
    );
    const world = start(store);
    const { controllers, waits, wait } = world;
    const first = listAdded(world);
    assert.deepEqual(first, {
      service: ["default/web"],
      volume: [],
      snapshot: [],
      schedule: [],
      instance: [],
      exposure: ["all"],
      sweep: ["all"],
    });
    assert.equal(waits.length, 1);
    assert.equal(waits[0]!.ms, 30_000);
    wait(30_000);
    waits.shift()!.fire();
    assert.deepEqual(listAdded(world), first);
    assert.deepEqual(controllers.listDead(), []);
    wait(150_001);
    assert.deepEqual(controllers.listDead(), ["the rounds of the controllers"]);
    await controllers.stop();
    assert.equal(waits.length, 0);
  }));

Deno.test("startControllers() delivers store changes and outside news to the controllers that watch for them, until it stops", () =>
  withStore(async ({ store }) => {
    const world = start(store);
    const { controllers, log, outside } = world;
    listAdded(world);
    const { spec, status } = makeService();
    const create = (name: string) =>
      store.transact((tx) => tx.create({ kind: "service", namespace: "default", name, spec, status }));
    await create("web");
    assert.deepEqual(listAdded(world).service, ["default/web"]);
    const hears = async (tell: () => void) => {
      tell();
      while (log.length === 0) await Promise.resolve();
    };
    await hears(() => outside.probes.add("some-uid"));
    assert.deepEqual(listAdded(world).instance, ["some-uid"]);
    await hears(() => outside.proxy.add("ended"));
    assert.deepEqual(listAdded(world).exposure, ["all"]);
    await controllers.stop();
    assert.equal(
      log.splice(0).filter(({ call }) => call === "stop").length,
      Object.keys(controllers.depths()).length,
    );
    await create("late");
    outside.probes.add("some-uid");
    outside.proxy.add("ended");
    await sleepQuietly(0, new AbortController().signal);
    assert.deepEqual(log, []);
  }));
