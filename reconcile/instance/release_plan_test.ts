import assert from "node:assert/strict";
import type { InstanceStatus } from "../../model/instance.ts";
import type { RunState } from "../../runners/runner.ts";
import { ago, makeInstance, makeProvisionedVolume, makeService, NOW } from "../testing/resources.ts";
import { planInstance } from "./plan.ts";
import type { InstanceView } from "./view.ts";

const service = makeService({ volumes: [{ name: "d", mountPath: "/d", claim: { name: "data" } }] });
const holder = { namespace: "default", mode: "rw" as const, since: "" };
const own = { ...holder, instanceUid: "uid-web-0", instance: "web-0" };
const other = { ...holder, instanceUid: "o", instance: "old-0" };
const run = (state: RunState["state"], more: Partial<RunState> = {}): RunState => ({
  instanceUid: "uid-web-0",
  run: 1,
  state,
  ...more,
});

/** The plan for an instance whose volume is being deleted. */
function planFor(
  status: Partial<InstanceStatus>,
  { holders = [own], ...more }: Partial<InstanceView> & { holders?: typeof own[] } = {},
) {
  const volume = makeProvisionedVolume({ deletionRequestedAt: ago(1) });
  const mount = service.spec.volumes[0]!;
  const mounts = [{ mount, namespace: "default", name: "data", volume, holders, mounted: { path: "/v" } }];
  const instance = makeInstance(service, 0, { status: { run: 1, ready: false, ...status } });
  return planInstance({ instance, service, mounts, run: undefined, now: NOW, ...more });
}

/** Instances that do not run and cannot start, whatever else they wait for. */
const down: [string, Partial<InstanceStatus>, Partial<InstanceView>?][] = [
  ["that never ran", { state: "Pending", run: 0 }],
  ["whose launch was interrupted before its run was created", { state: "Starting" }, { run: run("absent") }],
  ["that waits to be started again", { state: "Failed", nextAttemptAt: ago(-60) }, { run: run("exited") }],
  ["that is stalled", { state: "Stalled" }, { run: run("exited") }],
  ["whose init step failed", { state: "Failed", init: { run: 1, done: [], step: "s", attempt: 1 } }, {
    stepRun: run("exited", { step: "s.1", exitCode: 1 }),
  }],
];
for (const [who, status, more] of down) {
  Deno.test(`planInstance() makes an instance ${who} release a volume that is being deleted`, () => {
    const step = planFor(status, more);
    assert.ok(step.do === "settle" && step.releases && step.afterMs === 0, JSON.stringify(step));
    assert.ok(!("releases" in planFor(status, { ...more, holders: [] })), "it has nothing to give up");
    assert.ok(!("releases" in planFor(status, { ...more, holders: [other] })), "it is another's");
  });
}

Deno.test("planInstance() releases no volume while a run may use it or may still start", () => {
  const running = planFor({ state: "Running", ready: true }, { run: run("running") });
  assert.ok(!("releases" in running), JSON.stringify(running));
  for (const state of ["Starting", "Failed"] as const) {
    assert.deepEqual(planFor({ state }, { run: run("created") }), { do: "discard" });
  }
  const init = { run: 1, done: [], step: "s", attempt: 1 };
  const step = (state: RunState["state"]) => planFor({ state: "Failed", init }, { stepRun: run(state) });
  assert.deepEqual(step("created"), { do: "discard" });
  assert.ok(!("releases" in step("running")), JSON.stringify(step("running")));
});
