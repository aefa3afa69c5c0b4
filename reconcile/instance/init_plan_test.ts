import assert from "node:assert/strict";
import type { RunState } from "../../runners/runner.ts";
import type { InstanceStatus } from "../../model/instance.ts";
import { ago, makeInstance, makeProvisionedVolume, makeService, NOW } from "../testing/resources.ts";
import { planInstance } from "./plan.ts";
import type { InstanceView, MountView } from "./view.ts";

const step = (name: string, more: Record<string, unknown> = {}) => ({ name, command: "true", ...more });
const volumes = [{ name: "d", mountPath: "/d", claim: { name: "data" } }];
const RUN = { instanceUid: "uid-web-0", run: 1 } as const;
const fresh = { state: "Pending", ready: false, run: 0 } as const;
const starting = { state: "Starting", ready: false, run: 1 } as const;
const attempt = (name: string, n = 1, done: string[] = []) => ({ run: 1, done, step: name, attempt: n });
const stepRun = (state: RunState["state"], more: Partial<RunState> = {}): RunState => ({
  ...RUN,
  step: "a.1",
  state,
  startedAt: ago(10),
  ...more,
});
const absent: RunState = { ...RUN, state: "absent" };

function plan(
  status: Partial<InstanceStatus>,
  more: Partial<InstanceView> & { steps?: unknown[]; volume?: MountView["volume"] } = {},
) {
  const service = makeService({ volumes, initSteps: more.steps ?? [step("a"), step("b")] });
  const instance = makeInstance(service, 0, { status });
  const holder = {
    instanceUid: instance.uid,
    namespace: "default",
    instance: "web-0",
    mode: "rw",
    since: "",
  } as const;
  const mount: MountView = {
    mount: service.spec.volumes[0]!,
    namespace: "default",
    name: "data",
    volume: more.volume ?? makeProvisionedVolume(),
    holders: [holder],
    mounted: { path: "/v" },
  };
  const run = (status.run ?? 1) === 0 ? undefined : absent;
  return planInstance({ instance, service, mounts: [mount], run, now: NOW, ...more });
}
/** The plan in words: the action, the step and the attempt. */
function brief(result: ReturnType<typeof plan>): string {
  if (result.do === "runStep") return `run ${result.step.name} ${result.attempt} of launch ${result.run}`;
  if (result.do === "skipStep") return `skip to ${result.done.join(",")}`;
  if (result.do === "launch") return `launch ${result.run}`;
  return result.do === "settle" ? `settle ${result.status.state}` : result.do;
}

Deno.test("planInstance() runs steps one by one, then the main process under the same number", () => {
  assert.equal(brief(plan(fresh)), "run a 1 of launch 1");
  assert.equal(brief(plan({ ...starting, init: { run: 1, done: ["a"] } })), "run b 1 of launch 1");
  assert.equal(brief(plan({ ...starting, init: { run: 1, done: ["a", "b"] } })), "launch 1");
  const crashed: Partial<InstanceStatus> = {
    state: "Pending",
    ready: false,
    run: 1,
    init: { run: 1, done: ["a", "b"], over: true as const },
  };
  assert.equal(brief(plan({ ...crashed })), "run a 1 of launch 2", "a new launch begins anew");
  const failed: Partial<InstanceStatus> = {
    state: "Failed",
    ready: false,
    run: 1,
    init: { run: 1, done: ["a", "b"] },
  };
  assert.equal(
    brief(plan({ ...failed })),
    "launch 1",
    "a launch that failed after its steps does not repeat them",
  );
});

Deno.test("planInstance() continues a recorded attempt that was not created, and never starts another beside it", () => {
  const init = attempt("a", 2);
  assert.equal(brief(plan({ ...starting, init }, { stepRun: stepRun("absent") })), "run a 2 of launch 1");
  assert.equal(brief(plan({ ...starting, init }, { stepRun: stepRun("created") })), "run a 2 of launch 1");
  assert.equal(brief(plan({ ...starting, init }, { stepRun: stepRun("running") })), "settle Starting");
  // A running step has what it needs, even if the next launch would lack something.
  const missing = plan({ ...starting, init }, { stepRun: stepRun("running"), missingConfig: "gone" });
  assert.equal(brief(missing), "settle Starting");
});

Deno.test("planInstance() records a successful step, and continues at once", () => {
  const result = plan({ ...starting, launchFailures: 3, init: attempt("a", 2) }, {
    stepRun: stepRun("exited", { exitCode: 0 }),
  });
  assert.ok(result.do === "settle" && result.afterMs === 0);
  assert.deepEqual(result.status.init, { run: 1, done: ["a"] });
  assert.equal(result.status.launchFailures, 0);
});

Deno.test("planInstance() retries a failed step after a delay, and keeps the earlier steps done", () => {
  const init = attempt("b", 1, ["a"]);
  const result = plan({ ...starting, init }, { stepRun: stepRun("exited", { exitCode: 3 }) });
  assert.ok(result.do === "settle");
  const { state, reason, message, lastFailure, nextAttemptAt } = result.status;
  assert.deepEqual([state, reason, lastFailure?.exitCode], ["Failed", "InitStepFailed", 3]);
  assert.match(message!, /init step b \(2 of 2\) exited with code 3; see: rune logs web-0/);
  assert.equal(nextAttemptAt, ago(-1));
  const again = { ...result.status, nextAttemptAt: ago(0) };
  assert.equal(brief(plan(again, { stepRun: stepRun("exited", { exitCode: 3 }) })), "run b 2 of launch 1");
});

Deno.test("planInstance() fails a step after its timeout, whatever its exit code", () => {
  const steps = [step("a", { timeout: "5s", restartPolicy: "Never" })];
  const init = attempt("a");
  const young = plan({ ...starting, init }, { steps, stepRun: stepRun("running", { startedAt: ago(2) }) });
  assert.ok(young.do === "settle" && young.afterMs === 3001);
  assert.equal(brief(plan({ ...starting, init }, { steps, stepRun: stepRun("running") })), "stopStep");
  const timedOut = plan({ ...starting, init: { ...init, timedOut: true } }, {
    steps,
    stepRun: stepRun("exited", { exitCode: 0 }),
  });
  assert.ok(timedOut.do === "settle");
  assert.equal(timedOut.status.state, "Stalled", "Never is not tried again");
  assert.match(timedOut.status.message!, /took longer than 5s/);
});

Deno.test("planInstance() runs freshVolume steps only on a volume without data", () => {
  const steps = [step("a", { runIf: "freshVolume" })];
  const on = (volume: MountView["volume"]) => brief(plan(fresh, { steps, volume }));
  assert.equal(on(makeProvisionedVolume()), "run a 1 of launch 1");
  assert.equal(on(makeProvisionedVolume({ status: { initializedAt: ago(9) } })), "skip to a");
  assert.equal(on(makeProvisionedVolume({ status: { adopted: true } })), "skip to a");
  const restored = makeProvisionedVolume();
  assert.equal(
    on({ ...restored, spec: { ...restored.spec, source: { snapshot: "s", namespace: "default" } } }),
    "skip to a",
  );
});

Deno.test("planInstance() runs fileMissing steps only if the file is missing, and reports when that is unknown", () => {
  const steps = [step("a", { runIf: { fileMissing: "/d/x" } })];
  assert.equal(brief(plan(fresh, { steps, fileMissing: true })), "run a 1 of launch 1");
  assert.equal(brief(plan(fresh, { steps, fileMissing: false })), "skip to a");
  const problem = plan(fresh, { steps, stepProblem: "leads out" });
  assert.ok(problem.do === "settle" && problem.status.reason === "InitStepFailed");
});

Deno.test("planInstance() waits for configuration, and says what is missing", () => {
  const result = plan(fresh, { missingConfig: "configmap default/x does not exist; cast it" });
  assert.ok(result.do === "settle");
  assert.deepEqual([result.status.state, result.status.reason], ["Pending", "ConfigMissing"]);
});
