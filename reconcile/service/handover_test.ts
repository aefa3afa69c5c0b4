/**
 * What a rollout does when the service changes in the middle of a hand-over.
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Instance } from "../../model/instance.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Service } from "../../model/service.ts";
import { ago, makeInstance, makeService, NOW } from "../testing/resources.ts";
import { isCurrent } from "../../model/job.ts";
import { instanceName } from "../../model/instance_name.ts";
import { awaitsTurn, planRollout, type RolloutStep } from "./rollout.ts";

const version = (v: number, more: object = {}) => makeService({ env: { V: String(v) }, scale: 1, ...more });
const [v1, v2, v3] = [version(1), version(2), version(3)] as [Service, Service, Service];

type Part = Parameters<typeof makeInstance>[2];
const ready: Part = {};
const unready: Part = { status: { state: "Starting", ready: false } };
const leaving: Part = { deletionRequestedAt: ago(1) };
const main = (service: Service, more: Part) => makeInstance(service, 0, more);
const next = (service: Service, more: Part) => makeInstance(service, 0, { ...more, name: "web-0-next" });

const brief = (steps: RolloutStep[]) =>
  steps.map((s) =>
    s.do === "create"
      ? `create ${s.ordinal}${s.successor ? " next" : ""}${s.awaitsTurn ? " waiting" : ""}`
      : `${s.do} ${s.name}`
  );
const plan = (service: Service, instances: Instance[]) => brief(planRollout(service, instances, NOW).steps);

const volumes = [{ name: "d", mountPath: "/d", claimTemplate: { size: "1Gi", accessMode: "ReadWriteOnce" } }];
const makeWriting = (v: number, more: object = {}) => version(v, { volumes, ...more });
const [w1, w2, w3] = [makeWriting(1), makeWriting(2), makeWriting(3)] as [Service, Service, Service];
/** A successor that waits for its turn. */
const makeWaiting = (service: Service, prepared: boolean): Instance => {
  const status = { state: "Pending" as const, ready: false, run: 0, ...(prepared && { preparedAt: ago(1) }) };
  const instance = next(service, { status });
  return { ...instance, spec: { ...instance.spec, awaitsTurn: true } };
};

const restarted = { ...v2, annotations: { [ANNOTATIONS.restartedAt]: ago(1) } };

const ROWS: [what: string, service: Service, instances: Instance[], steps: string[]][] = [
  ["successor starting, another cast", v3, [main(v1, ready), next(v2, unready)], ["remove web-0-next"]],
  ["successor ready, another cast", v3, [main(v1, ready), next(v2, ready)], ["remove web-0-next"]],
  ["successor ready and main leaving, another cast", v3, [main(v1, leaving), next(v2, ready)], []],
  ["successor failing and main leaving, another cast", v3, [main(v1, leaving), next(v2, unready)], [
    "remove web-0-next",
  ]],
  ["successor ready and main failing, another cast", v3, [main(v1, unready), next(v2, ready)], [
    "remove web-0",
  ]],
  ["main gone, another cast", v3, [next(v2, ready)], ["promote web-0-next"]],
  ["the successor of the cast before has its name", v3, [main(v2, ready)], ["create 0 next"]],
  ["a bad successor of a later cast", v3, [main(v2, ready), next(v3, unready)], []],
  ["successor being removed, main ready", v3, [main(v1, ready), next(v2, leaving)], []],
  ["both are leaving", v3, [main(v1, leaving), next(v2, leaving)], []],
  ["only a leaving successor", v3, [next(v2, leaving)], []],
  ["successor starting, rollback", v1, [main(v1, ready), next(v2, unready)], ["remove web-0-next"]],
  ["successor ready, rollback", v1, [main(v1, ready), next(v2, ready)], ["remove web-0-next"]],
  ["successor ready and main leaving, rollback", v1, [main(v1, leaving), next(v2, ready)], []],
  ["successor ready and main failing, rollback", v1, [main(v1, unready), next(v2, ready)], []],
  ["bad successor of the third, rollback to the second", v2, [main(v2, ready), next(v3, unready)], [
    "remove web-0-next",
  ]],
  ["bad successor of the third, rollback to the first", v1, [main(v2, ready), next(v3, unready)], [
    "remove web-0-next",
  ]],
  ["successor starting, scale up", version(2, { scale: 2 }), [main(v1, ready), next(v2, unready)], [
    "create 1",
  ]],
  ["successor ready and main leaving, scale up", version(2, { scale: 2 }), [
    main(v1, leaving),
    next(v2, ready),
  ], ["create 1"]],
  ["successor starting, stop", version(2, { scale: 0 }), [main(v1, ready), next(v2, unready)], [
    "remove web-0",
    "remove web-0-next",
  ]],
  ["stopped while main leaves, started again", v2, [main(v1, leaving), next(v2, leaving)], []],
  ["successor starting, restart", restarted, [main(v1, ready), next(v2, unready)], ["remove web-0-next"]],
  ["successor ready and main leaving, restart", restarted, [main(v1, leaving), next(v2, ready)], []],
  ["a writer's successor prepares", w2, [main(w1, ready), makeWaiting(w2, false)], []],
  ["a writer's successor is prepared", w2, [main(w1, ready), makeWaiting(w2, true)], ["remove web-0"]],
  [
    "a writer's successor is prepared, and its writer is leaving",
    w2,
    [main(w1, leaving), makeWaiting(w2, true)],
    [],
  ],
  ["a writer has gone", w2, [makeWaiting(w2, true)], ["promote web-0-next"]],
  ["a writer's successor prepares, another cast", w3, [main(w1, ready), makeWaiting(w2, false)], [
    "remove web-0-next",
  ]],
  ["a writer's successor is prepared, another cast", w3, [main(w1, ready), makeWaiting(w2, true)], [
    "remove web-0-next",
  ]],
  ["a writer's successor is prepared, rollback", w1, [main(w1, ready), makeWaiting(w2, true)], [
    "remove web-0-next",
  ]],
  ["a writer is leaving, another cast", w3, [main(w1, leaving), makeWaiting(w2, true)], []],
  ["a writer is leaving, rollback", w1, [main(w1, leaving), makeWaiting(w2, true)], []],
  ["a writer has gone, another cast", w3, [makeWaiting(w2, true)], ["promote web-0-next"]],
  ["a writer's successor is about to start, another cast", w3, [
    { ...makeWaiting(w2, true), name: "web-0" },
  ], ["create 0 next waiting"]],
  ["a writer's successor cannot prepare, stop", makeWriting(2, { scale: 0 }), [
    main(w1, ready),
    makeWaiting(w2, false),
  ], [
    "remove web-0",
    "remove web-0-next",
  ]],
  ["a writer that does not run is replaced at once", w2, [
    main(w1, { status: { state: "Stalled", ready: false } }),
  ], ["remove web-0"]],
  ["a reader's successor is ready, a cast of a writer", w3, [main(v1, ready), next(v2, ready)], [
    "remove web-0-next",
  ]],
  ["a reader is leaving, a cast of a writer", w3, [main(v1, leaving), next(v2, ready)], []],
  ["successor that is wanted", v2, [main(v1, ready), next(v2, unready)], []],
  ["successor that is wanted and ready", v2, [main(v1, ready), next(v2, ready)], ["remove web-0"]],
];

for (const [what, service, instances, steps] of ROWS) {
  Deno.test(`planRollout() in the middle of a hand-over: ${what}`, () => {
    assert.deepEqual(plan(service, instances), steps);
  });
}

/** Events around the plan, in any order. */
const happening = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("progress" as const), pick: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), pick: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("cast" as const),
      v: fc.integer({ min: 1, max: 7 }),
      once: fc.constantFrom(false, false, true),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("restart" as const), at: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("scale" as const), to: fc.integer({ min: 1, max: 4 }) }),
  },
);

/** Version 4 never becomes ready, versions from 5 on write a volume, and version 7 lacks something. */
const BAD = "4";
const WRITES = 5;
const UNPREPARED = "7";
const writes = (i: Instance) => i.spec.template.volumes.length > 0;
const isReady = (i: Instance) => i.status.ready && i.deletionRequestedAt === undefined;

class World {
  readonly instances = new Map<string, Instance>();
  service: Service;
  #made = 0;
  /** After all successors were created at once, they may stay for a while. */
  #recreated = false;

  constructor(scale: number, maxUnavailable: number) {
    this.service = makeService({ env: { V: "1" }, scale, update: { maxUnavailable } });
  }

  list(): Instance[] {
    return [...this.instances.values()];
  }

  /** Carries out plans until nothing is left to do, and checks the promises after every step. */
  settle(): void {
    for (let round = 0; round < 20; round++) {
      const { steps } = planRollout(this.service, this.list(), NOW);
      if (steps.length === 0) return;
      for (const step of steps) this.#apply(step);
      this.#check();
    }
    assert.fail("the plan never settles");
  }

  #apply(step: RolloutStep): void {
    if (step.do === "create") {
      const name = instanceName("web", step);
      assert.ok(!this.instances.has(name), `${name} exists`);
      const uid = `uid-${this.#made++}`;
      const created = makeInstance(this.service, step.ordinal, { name, uid, ...unready });
      const spec = { ...created.spec, awaitsTurn: true as const };
      const status = { ...created.status, state: "Pending" as const, run: 0 };
      this.instances.set(name, step.awaitsTurn ? { ...created, spec, status } : created);
    } else if (step.do === "promote") {
      const name = `web-${step.ordinal}`;
      assert.ok(!this.instances.has(name), `${name} is not free`);
      const instance = this.instances.get(step.name)!;
      this.instances.delete(step.name);
      this.instances.set(name, { ...instance, name });
    } else {
      const instance = this.instances.get(step.name)!;
      this.instances.set(step.name, { ...instance, deletionRequestedAt: ago(0) });
      const { ordinal } = instance.spec;
      if (!isReady(instance) || ordinal >= this.service.spec.scale) return;
      const others = this.list().filter((i) =>
        i.spec.ordinal === ordinal && (isReady(i) || i.status.preparedAt && isCurrent(this.service, i))
      );
      assert.notEqual(others.length, 0, `${step.name} was all that its ordinal had`);
    }
  }

  #check(): void {
    const successors = this.list().filter((i) => i.name.endsWith("-next") && !i.deletionRequestedAt);
    const surging = successors.filter((i) => this.instances.has(`web-${i.spec.ordinal}`)).length;
    const { strategy, maxUnavailable } = this.service.spec.update;
    if (strategy === "rolling" && !this.#recreated) {
      assert.ok(surging <= maxUnavailable, `${surging} successors at once`);
    }
    const writers = this.list().filter((i) => writes(i) && !awaitsTurn(i)).map((i) => i.spec.ordinal);
    assert.equal(writers.length, new Set(writers).size, "two instances of one ordinal write");
  }

  #change(fields: Record<string, unknown>): void {
    const { env, scale, update, volumes } = this.service.spec;
    const kept = { env, scale, update };
    const changed = makeService("env" in fields ? { ...kept, ...fields } : { ...kept, volumes, ...fields });
    this.service = { ...changed, annotations: this.service.annotations };
  }

  happen(event: typeof happening extends fc.Arbitrary<infer E> ? E : never): void {
    switch (event.do) {
      case "cast":
        this.#recreated ||= event.once;
        return this.#change({
          env: { V: String(event.v) },
          ...event.v >= WRITES && { volumes },
          update: { ...this.service.spec.update, strategy: event.once ? "recreate" : "rolling" },
        });
      case "scale":
        return this.#change({ scale: event.to });
      case "restart":
        this.service = { ...this.service, annotations: { [ANNOTATIONS.restartedAt]: ago(100 - event.at) } };
        return;
      case "fail":
      case "progress": {
        const all = this.list();
        const picked = all[event.pick % all.length];
        if (picked && event.do === "fail") {
          const { preparedAt: _, ...status } = picked.status;
          this.#set(picked, { ...status, state: "Failed", ready: false });
        } else if (picked) this.progress(picked);
      }
    }
  }

  #set(instance: Instance, status: Instance["status"]): void {
    this.instances.set(instance.name, { ...instance, status });
  }

  progress(instance: Instance): void {
    const { env: { V } } = instance.spec.template;
    const { preparedAt: _, ...status } = instance.status;
    if (instance.deletionRequestedAt) this.instances.delete(instance.name);
    else if (awaitsTurn(instance)) {
      if (V !== UNPREPARED) this.#set(instance, { ...status, state: "Pending", preparedAt: ago(1) });
    } else if (V !== BAD) this.#set(instance, { ...status, state: "Running", ready: true });
  }
}

Deno.test("planRollout() never removes a ready instance before its successor is ready or prepared, whatever changes in between, and ends with the last spec", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 2 }),
      fc.array(happening, { minLength: 5, maxLength: 60 }),
      (scale, maxUnavailable, happenings) => {
        const world = new World(scale, maxUnavailable);
        world.settle();
        for (const event of happenings) {
          world.happen(event);
          world.settle();
        }
        const { V } = world.service.spec.env;
        if (V === BAD || V === UNPREPARED) world.happen({ do: "cast", v: 2, once: false });
        for (let i = 0; i < 100; i++) {
          world.settle();
          const moving = world.list().filter((one) => one.deletionRequestedAt || !one.status.ready);
          if (moving.length === 0) break;
          moving.forEach((one) => world.progress(one));
        }
        const names = world.list().map((i) => i.name).sort();
        assert.deepEqual(names, Array.from({ length: world.service.spec.scale }, (_, n) => `web-${n}`));
        assert.ok(world.list().every((i) => isCurrent(world.service, i) && i.status.ready));
      },
    ),
    { numRuns: 500 },
  );
});
