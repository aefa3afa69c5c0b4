import assert from "node:assert/strict";
import { FINALIZERS } from "../../model/marks.ts";
import type { InstanceStatus } from "../../model/instance.ts";
import { ago, makeInstance, makeProvisionedVolume, makeService, NOW } from "../testing/resources.ts";
import { planService, type ServiceStep, type ServiceView } from "./plan.ts";

const claiming = { volumes: [{ name: "d", mountPath: "/d", claim: { name: "data" } }] };

function view(more: Partial<ServiceView>): ServiceView {
  return { service: makeService(), instances: [], volumes: [], others: [], now: NOW, ...more };
}

const brief = (steps: ServiceStep[]) => steps.map((s) => "name" in s ? `${s.do} ${s.name}` : s.do);
const plan = (more: Partial<ServiceView>) => brief(planService(view(more)).steps);

const deleted = { deletionRequestedAt: ago(1) };
const cascade = { ...deleted, finalizers: [FINALIZERS.instances, FINALIZERS.volumeCleanup] };
const owned = makeProvisionedVolume({ name: "d-web-0", status: { ownerService: "web" } });

Deno.test("planService() of a deleted service removes instances first, and the service when none is left", () => {
  const service = makeService({ scale: 2 }, deleted);
  const instances = [makeInstance(service, 0), makeInstance(service, 1)];
  assert.deepEqual(plan({ service, instances }), ["remove web-1", "remove web-0", "setStatus"]);
  assert.deepEqual(plan({ service, instances: [{ ...instances[0]!, ...deleted }] }), ["setStatus"]);
  assert.deepEqual(plan({ service }), ["drop"]);
});

Deno.test("planService() of a deleted service releases its volumes", () => {
  const service = makeService(claiming, deleted);
  assert.deepEqual(plan({ service, volumes: [makeProvisionedVolume(), owned] }), [
    "releaseVolume data",
    "releaseVolume d-web-0",
    "drop",
  ]);
});

Deno.test("planService() with cascade deletes volumes from claim templates, never volumes that are only claimed", () => {
  const service = makeService(claiming, cascade);
  assert.deepEqual(plan({ service, volumes: [makeProvisionedVolume(), owned] }), [
    "releaseVolume data",
    "deleteVolume d-web-0",
    "drop",
  ]);
});

Deno.test("planService() does not release a volume that another service also claims", () => {
  const others = [makeService(claiming, { name: "other", uid: "other" })];
  assert.deepEqual(
    plan({ service: makeService(claiming, deleted), volumes: [makeProvisionedVolume()], others }),
    [
      "drop",
    ],
  );
});

function statusOf(scale: number, instances: Partial<InstanceStatus>[]) {
  const service = makeService({ scale });
  const created = instances.map((status, n) => makeInstance(service, n, { status }));
  const step = planService(view({ service, instances: created })).steps.find((s) => s.do === "setStatus");
  assert.ok(step?.do === "setStatus");
  return step.status;
}
const starting = { state: "Starting", ready: false } as const;
const failed = { state: "Failed", ready: false, reason: "LaunchFailed", message: "no such file" } as const;
const waiting = {
  state: "Pending",
  ready: false,
  reason: "VolumeNotReady",
  message: "is being provisioned",
} as const;

Deno.test("planService() derives the service's state from its instances", () => {
  assert.equal(statusOf(0, []).state, "Stopped");
  assert.equal(statusOf(1, []).state, "Pending");
  assert.equal(statusOf(2, [starting, starting]).state, "Pending");
  assert.equal(statusOf(2, [{}, {}]).state, "Running");
  assert.equal(statusOf(2, [{}, starting]).state, "Degraded");
  assert.equal(statusOf(2, [failed, failed]).state, "Failed");
  assert.equal(statusOf(2, [waiting, waiting]).state, "Pending");
});

Deno.test("planService() distinguishes a service whose instances ended for good from one that is starting", () => {
  const makeEnded = (exitCode: number) => ({
    state: "Stopped" as const,
    ready: false,
    lastFailure: { at: ago(1), reason: "LaunchFailed" as const, message: "it exited", exitCode },
  });
  assert.equal(statusOf(2, [makeEnded(0), makeEnded(0)]).state, "Completed");
  assert.equal(statusOf(2, [makeEnded(0), makeEnded(1)]).state, "Failed");
  assert.equal(statusOf(2, [makeEnded(0), starting]).state, "Pending");
});

Deno.test("planService() reports the failing instance before a waiting one, and looks again at the rollout's deadline", () => {
  const { reason, message } = statusOf(2, [waiting, failed]);
  assert.deepEqual([reason, message], ["LaunchFailed", "web-1: no such file"]);
  const { afterMs } = planService(view({}));
  assert.ok(afterMs !== undefined && afterMs > 299_000 && afterMs <= 300_001);
});

Deno.test("planService() reports NotExposed for a running service until its host name is routed", () => {
  const exposure = (host: string) => ({
    exposure: { host, urls: [], message: "Caddy is not installed; install it" },
  });
  const look = (host: string) => {
    const fields = { expose: { port: 1, host: "a.local" } };
    const service = makeService(fields, { status: exposure(host) });
    const step = planService(view({ service, instances: [makeInstance(service, 0)] })).steps
      .find((s) => s.do === "setStatus");
    assert.ok(step?.do === "setStatus");
    return step.status;
  };
  const { state, reason, message } = look("a.local");
  assert.deepEqual([state, reason, message], ["Running", "NotExposed", "Caddy is not installed; install it"]);
  const other = look("old.local");
  assert.deepEqual([other.state, other.reason, other.exposure], ["Running", undefined, undefined]);
});

Deno.test("planService() counts a rollout's time from its last progress, and ignores flapping instances", () => {
  const step = (rolloutProgress: { updated: number; at: string }, instances: Partial<InstanceStatus>[]) => {
    const status = { observedGeneration: 1, rolloutStartedAt: ago(400), rolloutProgress };
    const service = makeService({ scale: 3 }, { status });
    const created = instances.map((status, n) => makeInstance(service, n, { status }));
    const plan = planService(view({ service, instances: created }));
    const written = plan.steps.find((s) => s.do === "setStatus");
    return written?.do === "setStatus" ? written.status.rolloutProgress : undefined;
  };
  const since = { updated: 1, at: ago(200) };
  assert.deepEqual(step(since, [{}, {}, starting]), { updated: 2, at: NOW.toISOString() });
  assert.deepEqual(step(since, [{}, starting, starting]), since);
  assert.deepEqual(step(since, [starting, starting, starting]), since);
});

Deno.test("planService() sets no timer for a rollout that is already late", () => {
  const service = makeService({}, {
    status: { rolloutStartedAt: ago(3_000), rolloutProgress: { at: ago(3_000), updated: 0 } },
  });
  const instances = [makeInstance(service, 0, { status: { state: "Pending", ready: false, run: 0 } })];
  assert.equal(planService(view({ service, instances })).afterMs, undefined);
});
