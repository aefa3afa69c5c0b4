import assert from "node:assert/strict";
import type { Instance } from "../../model/instance.ts";
import { ago, makeInstance, makeProvisionedVolume, makeService, NOW } from "../testing/resources.ts";
import { planInstance } from "./plan.ts";
import type { InstanceView, MountView } from "./view.ts";

const service = makeService({ volumes: [{ name: "d", mountPath: "/d", claim: { name: "data" } }] });
const deleting = { deletionRequestedAt: "2026-01-01T00:00:00Z" };

function successor(more: Partial<Instance["status"]> = {}, name = "web-0-next"): Instance {
  const status = { state: "Pending" as const, ready: false, run: 0, ...more };
  const instance = makeInstance(service, 0, { name, status });
  return { ...instance, spec: { ...instance.spec, awaitsTurn: true } };
}

const mountView: MountView = {
  mount: service.spec.volumes[0]!,
  namespace: "default",
  name: "data",
  volume: makeProvisionedVolume(),
  holders: [],
  mounted: undefined,
};
const view = (instance: Instance, more: Partial<InstanceView> = {}): InstanceView => ({
  instance,
  service,
  mounts: [mountView],
  run: undefined,
  now: NOW,
  ...more,
});

const planStatus = (one: InstanceView) => {
  const step = planInstance(one);
  assert.ok(step.do === "settle", step.do);
  return step.status;
};

Deno.test("planInstance() of an instance that awaits its turn prepares, then waits, and takes no lease", () => {
  assert.equal(planInstance(view(successor())).do, "prepare");
  const waits = planStatus(view(successor({ preparedAt: ago(1) })));
  assert.deepEqual([waits.state, waits.preparedAt, waits.reason], ["Pending", ago(1), undefined]);
  assert.match(waits.message!, /starts when web-0 has stopped/);
  assert.equal(
    planInstance(view(successor({ preparedAt: ago(1) }, "web-0"))).do,
    "acquire",
    "its turn has come",
  );
});

Deno.test("planInstance() of an instance that awaits its turn is no longer prepared when something goes missing", () => {
  const holder = {
    instanceUid: "o",
    namespace: "default",
    instance: "old-0",
    mode: "rw" as const,
    since: "",
  };
  const rows: [Partial<InstanceView>, string, RegExp][] = [
    [{ missingConfig: "secret default/key does not exist; cast it" }, "ConfigMissing", /secret default\/key/],
    [{ mounts: [{ ...mountView, volume: undefined }] }, "VolumeNotReady", /does not exist/],
    [
      { mounts: [{ ...mountView, volume: { ...makeProvisionedVolume(), ...deleting } }] },
      "VolumeNotReady",
      /deleted/,
    ],
    [{ mounts: [{ ...mountView, holders: [holder] }] }, "VolumeNotReady", /mounted read-write by/],
  ];
  for (const [more, reason, message] of rows) {
    const status = planStatus(view(successor({ preparedAt: ago(1) }), more));
    assert.deepEqual([status.reason, status.preparedAt], [reason, undefined]);
    assert.match(status.message!, /cannot replace web-0, which keeps running: /);
    assert.match(status.message!, message);
  }
});

Deno.test("planInstance() of an instance that failed to prepare tries again when its retry is due", () => {
  const failed = {
    state: "Failed" as const,
    reason: "ImageUnreachable" as const,
    message: "no",
    launchFailures: 1,
  };
  const later = new Date(NOW.getTime() + 5000).toISOString();
  const waits = planInstance(view(successor({ ...failed, nextAttemptAt: later })));
  assert.ok(waits.do === "settle" && waits.afterMs! > 0);
  assert.equal(planInstance(view(successor({ ...failed, nextAttemptAt: NOW.toISOString() }))).do, "prepare");
});
