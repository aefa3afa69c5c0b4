/** Plays one history. The same events and seed give the same course, step by step. @module */
import { settleMicrotasks, VirtualTime } from "../../base/testing/virtual_time.ts";
import { RuneError } from "../../model/error.ts";
import type { AnyResource } from "../../model/resource.ts";
import type { Store } from "../../store/store.ts";
import { pick } from "./chance.ts";
import { type SimulatedDaemon, startSimulated } from "./daemon.ts";
import type { History, HistoryEvent } from "./events.ts";
import { type CallFault, Scheduler } from "./scheduler.ts";
import { findUnsettled } from "./settled.ts";
import { ask, createInitialResources } from "./users.ts";
import { Violation, World } from "./world.ts";

/** The result of a history. */
export interface Played {
  /** The promise that it broke; absent if it kept every promise. */
  violation?: Violation;
  steps: number;
  /** The last calls before the end. */
  trace: string[];
}

/** The least time to wait after the last event: two rounds of the controllers, and a sweep. */
const LEAST_MS = 70_000;
/** After this long without faults it must have settled. */
const MOST_MS = 20 * 60_000;
/** The delay before a daemon that failed to start is restarted. */
const RESTART_MS = 1_000;
/** More steps would mean that passes follow each other without end. */
const MOST_STEPS = 20_000;

/** Plays a history to its end, or to the first broken promise. */
export async function play(history: History): Promise<Played> {
  using time = new VirtualTime();
  const game = new Game(history, time);
  try {
    await game.run();
    return { steps: game.step, trace: game.scheduler.trace };
  } catch (error) {
    const violation = error instanceof Violation
      ? error
      : new Violation("no fault", String((error as Error).stack));
    return { violation, steps: game.step, trace: game.scheduler.trace };
  } finally {
    game.end();
  }
}

class Game {
  step = 0;
  readonly scheduler: Scheduler;
  readonly #world: World;
  readonly #time: VirtualTime;
  readonly #history: History;
  readonly #undo: (() => void)[] = [];
  #daemon: SimulatedDaemon | undefined;
  /** The states that some reader of the store has seen. None of them may be lost. */
  #seen = new Map<string, AnyResource>();
  #seenRevision = 0;
  #fault: unknown;
  #awayUntil = 0;
  #deaf: { until: number; copies: number } = { until: 0, copies: 1 };
  #uuids = 0;

  constructor(history: History, time: VirtualTime) {
    this.#history = history;
    this.#time = time;
    this.scheduler = new Scheduler(history.seed, time.after);
    this.#world = new World(history.seed, time);
    this.#world.copiesOf = () => this.step < this.#deaf.until ? this.#deaf.copies : 1;
    this.#replace(crypto, "randomUUID", () => {
      const number = (++this.#uuids).toString(16).padStart(12, "0");
      return `${history.seed.toString(16).padStart(8, "0").slice(-8)}-0000-4000-8000-${number}`;
    });
    let random = 0;
    this.#replace(Math, "random", () => pick(1_000_000, history.seed, "random", ++random) / 1_000_000);
    this.#replace(globalThis, "reportError", (error: unknown) => this.#fault ??= error);
    const onRejection = (event: PromiseRejectionEvent) => {
      event.preventDefault();
      this.#fault ??= event.reason;
    };
    addEventListener("unhandledrejection", onRejection);
    this.#undo.push(() => removeEventListener("unhandledrejection", onRejection));
  }

  async run(): Promise<void> {
    this.#start();
    const events = [...this.#history.events];
    while (events.length > 0) {
      while (events[0]?.step === this.step) await this.#happen(events.shift()!);
      if (events.length === 0) break;
      const next = events[0]!;
      const faults: CallFault[] = [];
      while (events[0] === next && next.what === "fault" && next.step === this.step + 1) {
        faults.push(next.fault);
        events.shift();
      }
      await this.#advance(faults[0]);
    }
    await this.#settle();
  }

  end(): void {
    for (const undo of this.#undo) undo();
  }

  /** One step: either the chosen call goes on, or time does. */
  async #advance(fault?: CallFault): Promise<void> {
    this.step++;
    if (this.step > MOST_STEPS) {
      const left = this.#daemon ? findUnsettled(this.#daemon.store, this.#world) : [];
      throw new Violation("settles", `${MOST_STEPS} steps were not enough: ${left.join("; ")}`);
    }
    this.scheduler.away = this.step < this.#awayUntil;
    if (this.scheduler.idle) this.#time.passTo(Math.min(this.#time.due, this.#time.now + 60_000));
    else {
      // Calls take time, and sometimes a timer is faster.
      this.#time.passTo(this.#time.now + 1);
      this.scheduler.release(this.step, fault);
    }
    await this.#look();
  }

  async #look(): Promise<void> {
    await settleMicrotasks();
    if (this.#fault !== undefined) throw this.#fault;
    this.#world.check();
  }

  async #happen(event: HistoryEvent): Promise<void> {
    switch (event.what) {
      case "wish":
        // Without a daemon nobody answers.
        if (this.#daemon) void ask(this.#daemon, event.wish).catch((error) => this.#fault ??= error);
        break;
      case "fault":
        if (!this.scheduler.idle) this.scheduler.release(this.step, event.fault);
        break;
      case "crash":
        await this.#crash();
        await this.#restartAfter(event.downMs);
        return;
      case "reboot":
        await this.#crash();
        this.#world.machine.reboot(`boot-${this.step}`);
        await this.#restartAfter(0);
        return;
      case "exit": {
        const running = this.#world.runs.all().filter(({ state }) =>
          state.state === "running" && !state.paused
        );
        const run = running[pick(Math.max(1, running.length), this.#history.seed, "exit", this.step)];
        if (run) this.#world.runs.end(run, { exitCode: 1 });
        break;
      }
      case "away":
        this.#awayUntil = this.step + event.steps;
        break;
      case "deaf":
        this.#deaf = { until: this.step + event.steps, copies: event.copies };
        break;
    }
    await this.#look();
  }

  #start(): void {
    const gate = this.scheduler.openGate();
    void startSimulated(this.#world, { gate, createInitialResources: (store) => this.#open(store) }).then(
      (daemon) => void (this.#daemon = daemon),
      (error) => {
        if (!(error instanceof RuneError)) return void (this.#fault ??= error);
        // It exits, and its supervisor restarts it.
        this.scheduler.crash(this.step);
        this.#time.forget();
        this.#world.forgetDaemon();
        this.#time.after(RESTART_MS, () => this.#start());
      },
    );
  }

  /** The store of a new daemon must contain everything that anyone has seen. Watches it from here on. */
  async #open(store: Store): Promise<void> {
    if (store.revision < this.#seenRevision) {
      throw new Violation(
        "kept once seen",
        `revision ${this.#seenRevision} is gone, ${store.revision} is the last`,
      );
    }
    for (const [key, { kind, namespace, name, resourceVersion }] of this.#seen) {
      const now = store.get(kind, namespace, name);
      const kept = now ? now.resourceVersion >= resourceVersion : store.revision > this.#seenRevision;
      if (!kept) throw new Violation("kept once seen", `${key} is gone`);
    }
    const note = (resource: AnyResource, deleted: boolean) => {
      const key = `${resource.kind} ${resource.namespace}/${resource.name}`;
      if (resource.kind === "volume" && resource.spec.reclaimPolicy === "retain") {
        this.#world.kept.add(resource.uid);
      }
      if (deleted) this.#seen.delete(key);
      else this.#seen.set(key, resource);
    };
    this.#seen = new Map();
    for (const kind of ["service", "volume", "snapshot", "instance", "lease"] as const) {
      for (const resource of store.list(kind)) note(resource, false);
    }
    this.#seenRevision = store.revision;
    store.subscribe((changes) => {
      for (const { type, resource } of changes) note(resource, type === "delete");
      this.#seenRevision = store.revision;
    });
    await createInitialResources(store);
  }

  async #crash(): Promise<void> {
    this.scheduler.crash(this.step);
    this.#daemon = undefined;
    await settleMicrotasks();
    // Requests that were sent are carried out now; nobody is there to continue.
    this.scheduler.crash(this.step + 0.5);
    this.#time.forget();
    this.#world.forgetDaemon();
    await this.#look();
  }

  async #restartAfter(ms: number): Promise<void> {
    const until = this.#time.now + ms;
    while (this.#time.passTo(until)) await this.#look();
    this.#start();
    await this.#look();
  }

  /** All faults end: requests are fulfilled, and leftovers are removed. */
  async #settle(): Promise<void> {
    this.#awayUntil = 0;
    this.#deaf = { until: 0, copies: 1 };
    const from = this.#time.now;
    let unsettled: string[] = [];
    for (;;) {
      await this.#advance();
      if (!this.scheduler.idle || !this.#daemon) continue;
      const passed = this.#time.now - from;
      if (passed < LEAST_MS) continue;
      unsettled = findUnsettled(this.#daemon.store, this.#world);
      if (unsettled.length === 0) return;
      if (passed > MOST_MS) break;
    }
    throw new Violation("settles", unsettled.join("; "));
  }

  #replace(target: object, name: string, value: unknown): void {
    const original = Object.getOwnPropertyDescriptor(target, name);
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
    this.#undo.push(() => {
      if (original) Object.defineProperty(target, name, original);
      else Reflect.deleteProperty(target, name);
    });
  }
}
