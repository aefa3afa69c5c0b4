import assert from "node:assert/strict";
import fc from "fast-check";
import type { Instance } from "../../model/instance.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Service } from "../../model/service.ts";
import { ago, makeInstance, makeService, NOW } from "../testing/resources.ts";
import { instanceName } from "../../model/instance_name.ts";
import { awaitsTurn, planRollout, type RolloutStep } from "./rollout.ts";

const volumes = [{ name: "d", mountPath: "/d", claimTemplate: { size: "1Gi", accessMode: "ReadWriteOnce" } }];
const old = makeService({ env: { V: "1" }, scale: 3 });
const starting = { state: "Starting", ready: false } as const;

const brief = (steps: RolloutStep[]) =>
  steps.map((s) =>
    s.do === "create"
      ? `create ${s.ordinal}${s.successor ? " next" : ""}${s.awaitsTurn ? " waiting" : ""}`
      : `${s.do} ${s.name}`
  );
/** A successor that waits until the old instance of its ordinal is gone. */
const makeWaiting = (service: Service, ordinal: number, prepared = true) => {
  const instance = makeInstance(service, ordinal, {
    name: `web-${ordinal}-next`,
    status: { state: "Pending", ready: false, run: 0, ...(prepared && { preparedAt: ago(1) }) },
  });
  return { ...instance, spec: { ...instance.spec, awaitsTurn: true as const } };
};
const plan = (service: Service, instances: Instance[]) => brief(planRollout(service, instances, NOW).steps);

const all = (service: Service, more: Parameters<typeof makeInstance>[2] = {}) =>
  Array.from({ length: service.spec.scale }, (_, n) => makeInstance(service, n, more));

Deno.test("planRollout() creates what is missing and removes the highest ordinals first", () => {
  const three = makeService({ scale: 3 });
  assert.deepEqual(plan(three, []), ["create 0", "create 1", "create 2"]);
  assert.deepEqual(plan(three, all(three)), []);
  assert.deepEqual(plan(makeService({ scale: 1 }), all(three)), ["remove web-2", "remove web-1"]);
  assert.deepEqual(plan(makeService({ scale: 0 }), all(makeService({ scale: 1 }))), ["remove web-0"]);
});

Deno.test("planRollout() replaces stop-first when a volume is mounted read-write", () => {
  const before = makeService({ volumes, scale: 3 });
  const after = makeService({ volumes, scale: 3, env: { V: "2" } });
  const instances = all(before);
  assert.deepEqual(plan(after, instances), ["create 2 next waiting"]);
  assert.deepEqual(plan(after, [...instances, makeWaiting(after, 2, false)]), []);
  const prepared = makeWaiting(after, 2);
  assert.deepEqual(plan(after, [...instances, prepared]), ["remove web-2"]);
  const leaving = instances.map((i) => i.name === "web-2" ? { ...i, deletionRequestedAt: ago(1) } : i);
  assert.deepEqual(plan(after, [...leaving, prepared]), []);
  assert.deepEqual(plan(after, [...instances.slice(0, 2), prepared]), ["promote web-2-next"]);
  assert.deepEqual(plan(after, instances.slice(0, 2)), ["create 2"]);
  const unready = [...instances.slice(0, 2), makeInstance(after, 2, { status: starting })];
  assert.deepEqual(plan(after, unready), []);
  assert.deepEqual(plan(after, [...instances.slice(0, 2), makeInstance(after, 2)]), [
    "create 1 next waiting",
  ]);
});

Deno.test("planRollout() replaces stop-first when a read-write mount becomes read-only", () => {
  const readOnly = volumes.map((mount) => ({ ...mount, readOnly: true }));
  const after = makeService({ volumes: readOnly, scale: 1 });
  assert.deepEqual(plan(after, all(makeService({ volumes, scale: 1 }))), ["create 0 next waiting"]);
  const again = makeService({ volumes: readOnly, scale: 1, env: { V: "2" } });
  assert.deepEqual(plan(again, all(after)), ["create 0 next"]);
});

Deno.test("planRollout() otherwise replaces start-first, ordinals from high to low", () => {
  const after = makeService({ env: { V: "2" }, scale: 3 });
  const instances = all(old);
  assert.deepEqual(plan(after, instances), ["create 2 next"]);
  const next = (status = {}) => makeInstance(after, 2, { name: "web-2-next", status });
  assert.deepEqual(plan(after, [...instances, next(starting)]), []);
  assert.deepEqual(plan(after, [...instances, next()]), ["remove web-2"]);
  assert.deepEqual(plan(after, [...instances.slice(0, 2), next()]), ["promote web-2-next", "create 1 next"]);
  assert.deepEqual(plan(after, [...instances.slice(0, 2), makeInstance(after, 2)]), ["create 1 next"]);
});

Deno.test("planRollout() changes at most maxUnavailable ordinals at a time", () => {
  const update = { maxUnavailable: 2 };
  const stopFirst = makeService({ volumes, scale: 3, env: { V: "2" }, update });
  assert.deepEqual(plan(stopFirst, all(makeService({ volumes, scale: 3 }))), [
    "create 2 next waiting",
    "create 1 next waiting",
  ]);
  const startFirst = makeService({ scale: 3, env: { V: "2" }, update });
  assert.deepEqual(plan(startFirst, all(old)), ["create 2 next", "create 1 next"]);
});

Deno.test("planRollout() with strategy recreate stops all instances before it starts any", () => {
  const after = makeService({ scale: 2, env: { V: "2" }, update: { strategy: "recreate" } });
  const instances = all(makeService({ scale: 2 }));
  assert.deepEqual(plan(after, instances), ["create 1 next waiting", "create 0 next waiting"]);
  const one = [...instances, makeWaiting(after, 0), makeWaiting(after, 1, false)];
  assert.deepEqual(plan(after, one), [], "the other one cannot start yet");
  const successors = [makeWaiting(after, 0), makeWaiting(after, 1)];
  assert.deepEqual(plan(after, [...instances, ...successors]), ["remove web-1", "remove web-0"]);
  const lastLeaves = [{ ...instances[0]!, deletionRequestedAt: ago(1) }];
  assert.deepEqual(plan(after, lastLeaves), []);
  assert.deepEqual(plan(after, [...lastLeaves, ...successors]), [], "none starts before all have stopped");
  assert.deepEqual(plan(after, successors), ["promote web-0-next", "promote web-1-next"]);
  assert.deepEqual(plan(after, []), ["create 0", "create 1"]);
});

Deno.test("planRollout() replaces a failing old instance without waiting for its readiness", () => {
  const after = makeService({ volumes, scale: 1, env: { V: "2" } });
  const failing = makeInstance(makeService({ volumes }), 0, { status: { state: "Failed", ready: false } });
  assert.deepEqual(plan(after, [failing]), ["remove web-0"]);
});

Deno.test("planRollout() removes an outdated successor when a cast comes in the middle", () => {
  const second = makeService({ env: { V: "2" }, scale: 1 });
  const third = makeService({ env: { V: "3" }, scale: 1 });
  const instances = [makeInstance(old, 0), makeInstance(second, 0, { name: "web-0-next", status: starting })];
  assert.deepEqual(plan(third, instances), ["remove web-0-next"]);
  assert.deepEqual(plan(makeService({ env: { V: "1" }, scale: 1 }), instances), ["remove web-0-next"]);
});

Deno.test("planRollout() stops when the rollout does not become ready in time, keeping the old instances", () => {
  const status = { rolloutStartedAt: ago(301), observedGeneration: 2 };
  const after = makeService({ volumes, scale: 3, env: { V: "2" } }, { generation: 2, status });
  const instances = [
    ...all(makeService({ volumes, scale: 3 })).slice(0, 2),
    makeInstance(after, 2, { status: { state: "Failed", ready: false } }),
  ];
  const rollout = planRollout(after, instances, NOW);
  assert.deepEqual([brief(rollout.steps), rollout.stuck], [[], true]);
  const newer = { ...after, generation: 3 };
  assert.equal(planRollout(newer, instances, NOW).stuck, false);
});

Deno.test("planRollout() replaces instances made before the last restart, and only those", () => {
  const restarted = makeService({ volumes }, { annotations: { [ANNOTATIONS.restartedAt]: ago(1) } });
  assert.deepEqual(plan(restarted, [makeInstance(makeService({ volumes }), 0)]), [
    "create 0 next waiting",
  ]);
  assert.deepEqual(plan(restarted, [makeInstance(restarted, 0)]), []);
});

/** Carries out a plan as the controllers do, one random step at a time. */
function simulate(service: Service, instances: Instance[], pick: () => number) {
  const violations: string[] = [];
  const state = new Map(instances.map((i) => [i.name, i]));
  for (let round = 0; round < 200; round++) {
    const { steps } = planRollout(service, [...state.values()], NOW);
    for (const step of steps) {
      if (step.do === "create") {
        const name = instanceName("web", step);
        const created = makeInstance(service, step.ordinal, { name, status: starting });
        state.set(name, step.awaitsTurn ? makeWaiting(service, step.ordinal, false) : created);
      } else if (step.do === "remove") {
        state.set(step.name, { ...state.get(step.name)!, deletionRequestedAt: ago(0) });
      } else {
        const instance = state.get(step.name)!;
        state.delete(step.name);
        state.set(`web-${step.ordinal}`, { ...instance, name: `web-${step.ordinal}` });
      }
    }
    const ready = [...state.values()].filter((i) => i.status.ready && !i.deletionRequestedAt).length;
    if (ready < service.spec.scale - service.spec.update.maxUnavailable) {
      violations.push(`round ${round}: ${ready}`);
    }
    const moving = [...state.values()].filter((i) =>
      i.deletionRequestedAt || !i.status.ready && !(awaitsTurn(i) && i.status.preparedAt)
    );
    if (moving.length === 0 && steps.length === 0) return { violations, names: [...state.keys()].sort() };
    const picked = moving[pick() % Math.max(1, moving.length)];
    if (picked?.deletionRequestedAt) state.delete(picked.name);
    else if (picked && awaitsTurn(picked)) {
      state.set(picked.name, { ...picked, status: { ...picked.status, preparedAt: ago(1) } });
    } else if (picked) {
      state.set(picked.name, { ...picked, status: { ...picked.status, state: "Running", ready: true } });
    }
  }
  return { violations: ["did not converge"], names: [] };
}

Deno.test("planRollout() converges, and never has fewer ready than scale - maxUnavailable, in any order of events", () => {
  fc.assert(
    fc.property(
      fc.record({
        scale: fc.integer({ min: 1, max: 5 }),
        maxUnavailable: fc.integer({ min: 1, max: 3 }),
        writes: fc.boolean(),
        picks: fc.array(fc.nat(7), { minLength: 1, maxLength: 40 }),
      }),
      ({ scale, maxUnavailable, writes, picks }) => {
        const fields = { scale, update: { maxUnavailable }, ...(writes && { volumes }) };
        const after = makeService({ ...fields, env: { V: "2" } });
        let i = 0;
        const end = simulate(after, all(makeService(fields)), () => picks[i++ % picks.length]!);
        assert.deepEqual(end.violations, []);
        assert.deepEqual(end.names, Array.from({ length: scale }, (_, n) => `web-${n}`));
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("planRollout() keeps instances for a new host name, and replaces stop-first for a host port", () => {
  const ports = [{ name: "http", port: 8080 }];
  const expose = (more: object, scale = 1) =>
    makeService({ scale, ports, expose: { port: "http", ...more } });
  assert.deepEqual(plan(expose({ host: "b.local" }), all(expose({ host: "a.local" }))), []);
  assert.deepEqual(plan(expose({}), all(expose({ host: "a.local" }))), ["create 0 next waiting"]);
  assert.deepEqual(plan(expose({ host: "a.local" }), all(expose({}))), ["create 0 next"]);
  const process = (env: object) =>
    makeService({
      image: undefined,
      process: { command: "sleep" },
      ports,
      env,
      expose: { port: 1, host: "a.local" },
    });
  assert.deepEqual(
    plan(process({ V: "2" }), all(process({}))),
    ["create 0 next waiting"],
    "it listens on the machine",
  );
});

Deno.test("planRollout() replaces a process that listens on the host stop-first, since its successor could not listen", () => {
  const service = (fields: object) =>
    makeService({ image: undefined, process: { command: "sleep" }, ...fields });
  const ports = [{ name: "http", port: 8080 }];
  const ask = (probe: object) => ({ health: { readiness: probe } });
  const listening = [
    { ports },
    ask({ type: "tcp", port: 8080 }),
    ask({ type: "http", port: 8080, path: "/" }),
  ];
  for (const fields of listening) {
    assert.deepEqual(plan(service({ ...fields, env: { V: "2" } }), all(service(fields))), [
      "create 0 next waiting",
    ]);
  }
  for (const fields of [{}, ask({ type: "exec", command: ["true"] })]) {
    assert.deepEqual(plan(service({ ...fields, env: { V: "2" } }), all(service(fields))), ["create 0 next"]);
  }
  assert.deepEqual(plan(makeService({ ports, env: { V: "2" } }), all(makeService({ ports }))), [
    "create 0 next",
  ]);
});

Deno.test("planRollout() treats completed instances as done, replaces them in place, and never runs one job twice at once", () => {
  const job = (restart: string, v = "1") => makeService({ restart, env: { V: v } });
  const well = { status: { state: "Completed", ready: false } } as const;
  const one = planRollout(job("on-failure"), [makeInstance(job("on-failure"), 0, well)], NOW);
  assert.deepEqual([brief(one.steps), one.inProgress, one.late], [[], false, false]);
  assert.deepEqual(plan(job("on-failure", "2"), [makeInstance(job("on-failure"), 0, well)]), [
    "remove web-0",
  ]);
  const once = plan(job("never", "2"), all(job("never")));
  assert.deepEqual(once, ["create 0 next waiting"], "the old one runs");
  assert.deepEqual(plan(job("on-failure", "2"), all(job("on-failure"))), ["create 0 next"]);
  const next = makeInstance(job("on-failure", "2"), 0, { name: "web-0-next", ...well });
  assert.deepEqual(plan(job("on-failure", "2"), [...all(job("on-failure")), next]), ["remove web-0"]);
});

Deno.test("planRollout() is late at once when a job failed", () => {
  const lastFailure = { at: ago(1), reason: "JobFailed", message: "m", exitCode: 1 } as const;
  const status = { state: "Stopped", ready: false, lastFailure } as const;
  const job = makeService({ restart: "never" });
  const rollout = planRollout(job, [makeInstance(job, 0, { status })], NOW);
  assert.deepEqual([rollout.inProgress, rollout.late, rollout.stuck], [false, true, false]);
});
