import assert from "node:assert/strict";
import type { InstanceStatus } from "../../model/instance.ts";
import { ago, makeInstance, makeService, NOW } from "../testing/resources.ts";
import { awaitDependencies, isMet } from "./dependencies.ts";
import { createLooks, isBelieved } from "./looks.ts";
import type { DependencyView } from "./view.ts";

const dependency = { service: "db", readyWhen: "running", optional: false } as const;
const db = makeService({}, { name: "db" });
const view = (more: Partial<DependencyView> & { dep?: object } = {}): DependencyView => ({
  dependency: { ...dependency, ...more.dep },
  namespace: "default",
  name: "db",
  service: db,
  instances: [],
  ...more,
});
const awaitFor = (seconds: number, ...dependencies: DependencyView[]) =>
  awaitDependencies({
    instance: makeInstance(makeService(), 0, {
      createdAt: ago(seconds),
      status: { state: "Pending", run: 0 },
    }),
    service: makeService(),
    mounts: [],
    run: undefined,
    dependencies,
    now: NOW,
  });

Deno.test("isMet() distinguishes running, healthy and started", () => {
  const cases: [object, boolean[]][] = [
    [{ state: "Running", ready: true }, [true, true, true]],
    [{ state: "Running", ready: false }, [true, false, true]],
    [{ state: "Stopped", ready: false }, [false, false, true]],
    [{ state: "Pending", ready: false, startedAt: undefined }, [false, false, false]],
  ];
  for (const [status, expected] of cases) {
    const instances = [makeInstance(db, 0, { status })];
    const met = ["running", "healthy", "started"].map((readyWhen) =>
      isMet(view({ instances, dep: { readyWhen } }))
    );
    assert.deepEqual(met, expected, JSON.stringify(status));
  }
});

Deno.test("awaitDependencies() waits without limit by default, and fails after a timeout if one is set", () => {
  assert.equal(awaitFor(1), undefined);
  const waiting = awaitFor(9999, view());
  assert.deepEqual([waiting?.status.state, waiting?.afterMs], ["Pending", undefined]);
  assert.match(waiting!.status.message!, /waits for default\/db to be running \(it is Pending\)/);
  const timed = view({ dep: { timeoutSeconds: 30 } });
  assert.deepEqual([awaitFor(10, timed)?.status.state, awaitFor(10, timed)?.afterMs], ["Pending", 20_001]);
  assert.equal(awaitFor(30, timed)?.status.state, "Failed");
  assert.equal(awaitFor(30, timed)?.status.reason, "DependencyNotReady");
});

Deno.test("awaitDependencies() waits for an optional dependency only while it exists and should run, and not for long", () => {
  const dep = { optional: true };
  assert.equal(awaitFor(1, view({ dep, service: undefined })), undefined);
  assert.equal(awaitFor(1, view({ dep, service: makeService({ scale: 0 }) })), undefined);
  assert.equal(awaitFor(1, view({ dep }))?.status.state, "Pending");
  assert.equal(awaitFor(60, view({ dep })), undefined);
  assert.equal(awaitFor(5, view({ dep: { ...dep, timeoutSeconds: 5 } })), undefined);
});

Deno.test("isMet() treats a job as completed when all its instances completed with the current spec", () => {
  const job = makeService({ restart: "never", scale: 2 }, { name: "db" });
  const before = makeService({ restart: "never", scale: 2, env: { V: "1" } }, { name: "db" });
  const well = { status: { state: "Completed", ready: false } } as const;
  const areMet = (...instances: DependencyView["instances"]) =>
    isMet(view({ service: job, instances, dep: { readyWhen: "completed" } }));
  assert.equal(areMet(makeInstance(job, 0, well), makeInstance(job, 1, well)), true);
  assert.equal(areMet(makeInstance(job, 0, well)), false, "one of two is missing");
  assert.equal(areMet(makeInstance(job, 0, well), makeInstance(job, 1)), false, "one of two still runs");
  assert.equal(
    areMet(makeInstance(before, 0, well), makeInstance(before, 1, well)),
    false,
    "of an earlier cast",
  );
  const running = view({
    service: job,
    instances: [makeInstance(job, 0, well)],
    dep: { readyWhen: "running" },
  });
  assert.equal(isMet(running), true, "it has run");
});

Deno.test("awaitDependencies() reports at once that a dependency never completes, and ignores optional ones", () => {
  const job = makeService({ restart: "never" }, { name: "db" });
  const lastFailure = {
    at: ago(1),
    reason: "JobFailed",
    message: "it exited with code 3",
    exitCode: 3,
  } as const;
  const failed = makeInstance(job, 0, { status: { state: "Stopped", ready: false, lastFailure } });
  const waits = (more: Partial<DependencyView>, dep = {}) =>
    awaitFor(1, view({ ...more, dep: { readyWhen: "completed", ...dep } }));
  const waitStatus = waits({ service: job, instances: [failed] })!.status;
  assert.deepEqual([waitStatus.state, waitStatus.reason], ["Failed", "DependencyFailed"]);
  assert.match(
    waitStatus.message!,
    /default\/db to have completed, but it failed with exit code 3; .*rune restart db/,
  );
  const always = waits({ service: makeService({}, { name: "db" }) })!.status;
  assert.match(always.message!, /started again whenever it ends: say restart: never/);
  assert.equal(waits({ service: job, instances: [failed] }, { optional: true }), undefined);
});

Deno.test("awaitDependencies() waits again after everything was down, and never after the instance's own crash", () => {
  const waits = (status: Partial<InstanceStatus>, bootId = "now") =>
    awaitDependencies({
      instance: makeInstance(makeService(), 0, {
        createdAt: ago(9999),
        status: { state: "Pending", ...status },
      }),
      service: makeService(),
      mounts: [],
      run: undefined,
      dependencies: [view({ dep: { timeoutSeconds: 30 } })],
      bootId,
      now: NOW,
    })?.status;
  assert.equal(waits({ crashes: 1, boot: "now" }), undefined, "a crash of its own");
  assert.equal(waits({}), undefined, "of a version that stored no boot");
  assert.equal(waits({ boot: "before" })?.state, "Pending", "the host was started");
  assert.equal(waits({ reason: "RunnerUnavailable" })?.reason, "DependencyNotReady", "the Engine was away");
  assert.equal(waits({ awaitsSince: ago(29) })?.state, "Pending", "its end was not seen");
  assert.equal(waits({ awaitsSince: ago(30) })?.state, "Failed", "its time counts from then");
  assert.equal(waits({ reason: "RunnerUnavailable" })?.awaitsSince, NOW.toISOString());
  assert.equal(
    waits({ state: "Starting", reason: "RunnerUnavailable" })?.state,
    "Starting",
    "an intent stays",
  );
  assert.equal(waits({ state: "Pending", reason: "DependencyNotReady" })?.reason, "DependencyNotReady");
});

Deno.test("isBelieved() trusts a running state only after this daemon has observed it", () => {
  const belief = { looks: createLooks(), bootId: "now" };
  const running = makeInstance(db, 0);
  assert.equal(isBelieved(running, belief), false);
  belief.looks.addLook(running.uid);
  assert.equal(isBelieved(running, belief), true);
  belief.looks.forget(running.uid);
  assert.equal(isBelieved(running, belief), false);
  const of = (status: Partial<InstanceStatus>) => isBelieved(makeInstance(db, 0, { status }), belief);
  assert.equal(of({ state: "Pending", boot: "before" }), false, "it is to be started again");
  assert.equal(of({ state: "Completed", boot: "before" }), true, "what ended well has ended well");
});
