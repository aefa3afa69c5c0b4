import assert from "node:assert/strict";
import type { RunState } from "../../runners/runner.ts";
import type { Lease } from "../../model/lease.ts";
import { planSweep } from "./runs.ts";
import { ago, makeInstance, makeService, NOW } from "../testing/resources.ts";

const service = makeService();
const run = (instanceUid: string, number: number, state: RunState["state"] = "running"): RunState => ({
  instanceUid,
  run: number,
  state,
});
const lease = (instanceUid: string): Lease => ({
  ...makeService(),
  kind: "lease",
  name: "data",
  spec: { holders: [{ instanceUid, namespace: "default", instance: "web-0", mode: "rw", since: "" }] },
  status: {},
});

Deno.test("planSweep() removes runs without an instance, and runs older than the previous one", () => {
  const instance = makeInstance(service, 0, { status: { run: 5 } });
  const runs = [
    run("gone", 1),
    run(instance.uid, 5),
    run(instance.uid, 4, "exited"),
    run(instance.uid, 3, "exited"),
  ];
  const plan = planSweep({ runs, complete: true, instances: [instance], leases: [], now: NOW });
  assert.deepEqual(plan.runs.map((r) => `${r.instanceUid} ${r.run}`), ["gone 1", `${instance.uid} 3`]);
});

Deno.test("planSweep() finds earlier runs that someone started again", () => {
  const instance = makeInstance(service, 0, { status: { run: 5 } });
  const runs = [
    run(instance.uid, 5),
    run(instance.uid, 4),
    run(instance.uid, 2),
    run(instance.uid, 3, "exited"),
  ];
  const plan = planSweep({ runs, complete: true, instances: [instance], leases: [], now: NOW });
  assert.deepEqual(plan.strays.map((s) => s.run.run), [4, 2]);
  assert.deepEqual(plan.runs.map((r) => r.run), [3]);
});

Deno.test("planSweep() keeps the three latest failed runs of a service for an hour, and no successful run", () => {
  const instance = makeInstance(service, 0, { status: { run: 9 } });
  const makeEnded = (number: number, secondsAgo: number, exitCode = 1): RunState => ({
    ...run(instance.uid, number, "exited"),
    namespace: "default",
    service: "web",
    exitCode,
    finishedAt: ago(secondsAgo),
  });
  const runs = [
    makeEnded(8, 10),
    makeEnded(7, 20),
    makeEnded(6, 30, 0),
    makeEnded(5, 40),
    makeEnded(4, 50),
    makeEnded(2, 3601),
  ];
  const sweepRuns = (list: RunState[]) =>
    planSweep({ runs: list, complete: true, instances: [instance], leases: [], now: NOW }).runs.map((r) =>
      r.run
    );
  assert.deepEqual(sweepRuns(runs), [6, 4, 2], "8 is the previous run; 8, 7 and 5 are the latest failures");
  assert.deepEqual(sweepRuns([makeEnded(3, 3599), makeEnded(2, 3601)]), [2]);
});

Deno.test("planSweep() releases a holder only when its instance and every run of it are known to be gone", () => {
  const instance = makeInstance(service, 0);
  const decide = (more: Partial<Parameters<typeof planSweep>[0]>) =>
    planSweep({ runs: [], complete: true, instances: [], leases: [lease(instance.uid)], now: NOW, ...more })
      .holders
      .length;
  assert.equal(decide({}), 1);
  assert.equal(decide({ complete: false }), 0);
  assert.equal(decide({ instances: [instance] }), 0);
  assert.equal(decide({ runs: [run(instance.uid, 1)] }), 0);
  assert.equal(
    decide({ runs: [run(instance.uid, 1, "exited")] }),
    0,
    "an ended run is removed before it counts as gone",
  );
});
