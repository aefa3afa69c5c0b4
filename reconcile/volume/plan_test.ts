import assert from "node:assert/strict";
import type { DriverCapabilities } from "../../drivers/driver.ts";
import type { LeaseHolder } from "../../model/lease.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import {
  ago,
  makeClass,
  makeProvisionedVolume,
  makeSnapshot,
  makeVolume,
  NOW,
} from "../testing/resources.ts";
import { planVolume, topologyMatches, type VolumeView } from "./plan.ts";

const capabilities: DriverCapabilities = {
  accessModes: ["ReadWriteOnce"],
  snapshots: true,
  expand: true,
  onlineExpand: false,
  blockDevice: false,
  reclaimDelete: true,
  processMounts: false,
  scope: "daemon",
  sources: [],
};
const holder: LeaseHolder = {
  instanceUid: "i",
  namespace: "default",
  instance: "web-0",
  mode: "rw",
  since: ago(10),
};

function view(more: Partial<VolumeView>): VolumeView {
  return {
    volume: makeVolume(),
    class: makeClass(),
    secrets: {},
    capabilities,
    holders: [],
    mountPath: undefined,
    node: { name: "node-1", labels: { "rune.io/hostname": "node-1" } },
    now: NOW,
    ...more,
  };
}

Deno.test("planVolume() keeps no secret that the class has replaced by a reference", () => {
  const driverParameters = { region: "nyc3", apiToken: "dop_v1_0" };
  const plan = (parameters: Record<string, string>) => {
    const volume = makeProvisionedVolume({ status: { driverParameters } });
    const step = planVolume(view({ volume, class: makeClass({ parameters }) }));
    return step.do === "settle" ? step.status.driverParameters : step.do;
  };
  const apiToken = "secret:api.shared.rune/token";
  assert.deepEqual(plan({ region: "fra1", apiToken }), { region: "nyc3", apiToken });
  assert.deepEqual(plan({ region: "nyc3" }), driverParameters);
});

const unmounted = { status: { boundNode: "node-1", unmountedAt: ago(10) } };
const deleting = { deletionRequestedAt: ago(1) };

const steps: [string, Partial<VolumeView>, string][] = [
  ["a new volume is provisioned", {}, "provision"],
  ["a provisioned one settles", { volume: makeProvisionedVolume() }, "settle"],
  ["one with a holder is mounted", { volume: makeProvisionedVolume(), holders: [holder] }, "mount"],
  [
    "a mounted one with a holder settles",
    { volume: makeProvisionedVolume(), holders: [holder], mountPath: "/d" },
    "settle",
  ],
  ["one without a holder is unmounted", { volume: makeProvisionedVolume(), mountPath: "/d" }, "unmount"],
  [
    "a larger size is expanded",
    { volume: { ...makeProvisionedVolume(), spec: makeVolume({ size: "2Gi" }).spec } },
    "expand",
  ],
  ["offline expansion waits for the holder", {
    volume: { ...makeProvisionedVolume(), spec: makeVolume({ size: "2Gi" }).spec },
    holders: [holder],
    mountPath: "/d",
  }, "settle"],
  [
    "deletion waits for the holder",
    { volume: makeProvisionedVolume(deleting), holders: [holder], mountPath: "/d" },
    "settle",
  ],
  ["deletion waits for a copy that is being made", {
    volume: makeProvisionedVolume(deleting),
    mountPath: "/d",
    readFor: makeSnapshot({ status: { state: "Creating" } }),
  }, "settle"],
  ["deletion unmounts first", { volume: makeProvisionedVolume(deleting), mountPath: "/d" }, "unmount"],
  ["deletion reclaims", { volume: makeProvisionedVolume(deleting) }, "reclaim"],
  ["unmounts a volume without holders that a killed daemon mounted here", {
    volume: makeProvisionedVolume({ status: { boundNode: "node-1" } }),
  }, "unmount"],
  ["deletion first unmounts a volume that a killed daemon mounted here", {
    volume: makeProvisionedVolume({ ...deleting, status: { boundNode: "node-1" } }),
  }, "unmount"],
  [
    "detaches an unmounted volume whose driver has no grace",
    { volume: makeProvisionedVolume(unmounted) },
    "detach",
  ],
  ["an unmounted volume stays attached during the grace", {
    volume: makeProvisionedVolume(unmounted),
    capabilities: { ...capabilities, detachGraceMs: 60_000 },
  }, "settle"],
  ["a volume that stayed attached is mounted for its next holder", {
    volume: makeProvisionedVolume(unmounted),
    holders: [holder],
  }, "mount"],
  ["deletion does not wait for the grace", {
    volume: makeProvisionedVolume({ ...deleting, ...unmounted }),
    capabilities: { ...capabilities, detachGraceMs: 60_000 },
  }, "reclaim"],
  ["offline expansion needs no detached volume", {
    volume: { ...makeProvisionedVolume(unmounted), spec: makeVolume({ size: "2Gi" }).spec },
    capabilities: { ...capabilities, detachGraceMs: 60_000 },
  }, "expand"],
  ["offline expansion comes before the mount", {
    volume: { ...makeProvisionedVolume(), spec: makeVolume({ size: "2Gi" }).spec },
    holders: [holder],
  }, "expand"],
  ["online expansion comes after the mount", {
    volume: { ...makeProvisionedVolume(), spec: makeVolume({ size: "2Gi" }).spec },
    holders: [holder],
    capabilities: { ...capabilities, onlineExpand: true },
  }, "mount"],
  ["offline expansion that failed is no reason not to mount", {
    volume: {
      ...makeProvisionedVolume({
        status: { conditions: [{ type: "Grown", value: false, reason: "GrowthFailed", since: ago(1) }] },
      }),
      spec: makeVolume({ size: "2Gi" }).spec,
    },
    holders: [holder],
  }, "mount"],
  ["offline expansion does not touch a held volume that a killed daemon mounted here", {
    volume: {
      ...makeProvisionedVolume({ status: { boundNode: "node-1" } }),
      spec: makeVolume({ size: "2Gi" }).spec,
    },
    holders: [holder],
  }, "mount"],
  ["a volume restored from the trash needs no class", {
    volume: makeVolume({}, {
      annotations: { [ANNOTATIONS.undeleteFrom]: "entry" },
      status: { driver: "local" },
    }),
    class: undefined,
  }, "provision"],
  ["a failed one waits for its time", {
    volume: makeVolume({}, { status: { state: "Failed", attempts: 1, nextAttemptAt: ago(-5) } }),
  }, "settle"],
  ["a failed one is tried again when due", {
    volume: makeVolume({}, { status: { state: "Failed", attempts: 1, nextAttemptAt: ago(0) } }),
  }, "provision"],
  [
    "a stalled one stays",
    { volume: makeVolume({}, { status: { state: "Stalled", attempts: 6 } }) },
    "settle",
  ],
  ["retry-provision re-arms a stalled one", {
    volume: makeVolume({}, {
      annotations: { [ANNOTATIONS.retryRequestedAt]: ago(1) },
      status: { state: "Stalled", attempts: 6, lastAttemptAt: ago(60) },
    }),
  }, "provision"],
  ["retry-provision re-arms a volume whose last attempt seems later because the clock was set back", {
    volume: makeVolume({}, {
      annotations: { [ANNOTATIONS.retryRequestedAt]: ago(90) },
      status: { state: "Stalled", attempts: 6, lastAttemptAt: ago(60), retriedFor: ago(120) },
    }),
  }, "provision"],
  ["a retry-provision that was already answered does nothing", {
    volume: makeVolume({}, {
      annotations: { [ANNOTATIONS.retryRequestedAt]: ago(90) },
      status: { state: "Stalled", attempts: 6, lastAttemptAt: ago(60), retriedFor: ago(90) },
    }),
  }, "settle"],
  ["a new version of its secret re-arms a stalled one", {
    volume: makeVolume({}, {
      status: { state: "Stalled", attempts: 6, failedSecrets: { "default/do": "u/1" } },
    }),
    secrets: { "default/do": "u/2" },
  }, "provision"],
  ["a new version of its secret is tried at once", {
    volume: makeVolume({}, {
      status: { state: "Failed", attempts: 5, nextAttemptAt: ago(-50), failedSecrets: { "default/do": "" } },
    }),
    secrets: { "default/do": "u/1" },
  }, "provision"],
  ["a stalled one stays while its secret does", {
    volume: makeVolume({}, {
      status: { state: "Stalled", attempts: 6, failedSecrets: { "default/do": "u/1" } },
    }),
    secrets: { "default/do": "u/1" },
  }, "settle"],
  ["a class that does not exist is waited for", { class: undefined }, "settle"],
  ["an unknown driver is waited for", { capabilities: undefined }, "settle"],
];
for (const [name, more, expected] of steps) {
  Deno.test(`planVolume() ${name}`, () => assert.equal(planVolume(view(more)).do, expected));
}

Deno.test("planVolume() reclaims by the volume's own policy", () => {
  const spec = makeVolume({ reclaimPolicy: "delete" }).spec;
  assert.deepEqual(planVolume(view({ volume: { ...makeProvisionedVolume(deleting), spec } })), {
    do: "reclaim",
    deleteData: true,
  });
  assert.deepEqual(planVolume(view({ volume: makeProvisionedVolume(deleting) })), {
    do: "reclaim",
    deleteData: false,
  });
});

Deno.test("planVolume() derives Bound, Available and Released from holders and releasedAt", () => {
  const state = (more: Partial<VolumeView>) => {
    const step = planVolume(view(more));
    assert.equal(step.do, "settle");
    return step.do === "settle" ? step.status : undefined;
  };
  const bound = state({
    volume: makeProvisionedVolume({ status: { releasedAt: ago(9) } }),
    holders: [holder],
    mountPath: "/d",
  });
  assert.equal(bound?.state, "Bound");
  assert.equal(bound?.boundClaim, "default/web-0");
  assert.equal(bound?.boundNode, "node-1");
  assert.equal(bound?.releasedAt, undefined);
  const free = state({
    volume: makeProvisionedVolume({ status: { boundClaim: "default/web-0", mountPath: "/d" } }),
  });
  assert.equal(free?.state, "Available");
  assert.ok(!("boundClaim" in free!) && !("mountPath" in free!));
  assert.equal(
    state({ volume: makeProvisionedVolume({ status: { releasedAt: ago(9) } }) })?.state,
    "Released",
  );
});

Deno.test("planVolume() reports what an expansion waits for and since when, until the volume is expanded", () => {
  const held = { holders: [holder], mountPath: "/d" };
  const small = { ...makeProvisionedVolume(), spec: makeVolume({ size: "2Gi" }).spec };
  const planStatus = (volume: typeof small, now = NOW) => {
    const step = planVolume(view({ volume, ...held, now }));
    assert.ok(step.do === "settle");
    return step.status;
  };
  const first = planStatus(small);
  const [condition] = first.conditions;
  assert.deepEqual([condition?.type, condition?.value, condition?.reason], ["Grown", false, "InUse"]);
  assert.match(condition!.message!, /grows to 2Gi when default\/web-0 lets go of it/);
  const later = planStatus({ ...small, status: first }, new Date(NOW.getTime() + 5000));
  assert.equal(later.conditions[0]?.since, condition!.since);
  assert.deepEqual(planStatus({ ...small, status: { ...first, sizeBytes: 2 * 2 ** 30 } }).conditions, []);
});

Deno.test("planVolume() leaves a volume Pending with the reason when no node matches its class", () => {
  const storageClass = makeClass({ allowedTopologies: [{ matchLabels: { "rune.io/region": "nyc3" } }] });
  const step = planVolume(view({ class: storageClass }));
  assert.ok(step.do === "settle" && step.status.state === "Pending");
  assert.match(step.status.failureMessage!, /no node matches the allowedTopologies/);
});

Deno.test("topologyMatches() requires every term of one alternative", () => {
  const matches = (labels: Record<string, string>) =>
    topologyMatches(
      makeClass({
        allowedTopologies: [
          {
            matchLabels: { region: "a" },
            matchExpressions: [{ key: "zone", operator: "In", values: ["1", "2"] }],
          },
          { matchExpressions: [{ key: "any", operator: "Exists", values: [] }] },
        ],
      }),
      labels,
    );
  assert.ok(matches({ region: "a", zone: "2" }));
  assert.ok(matches({ any: "" }));
  assert.ok(!matches({ region: "a", zone: "3" }));
  assert.ok(!matches({ region: "a" }));
});

Deno.test("planVolume() restores from a Ready snapshot of its driver, and otherwise says what it waits for", () => {
  const volume = makeVolume({ source: { snapshot: "snap", namespace: "prod" } });
  const ready = { state: "Ready" as const, driver: "local" };
  const plan = (source?: VolumeView["source"]) => {
    const step = planVolume(view({ volume, ...(source && { source }) }));
    return step.do === "settle" ? `${step.status.state}: ${step.status.failureMessage}` : step.do;
  };
  assert.equal(plan(makeSnapshot({ status: ready })), "provision");
  assert.equal(plan(), "Pending: snapshot prod/snap, from which it is to be made, does not exist");
  const leaving = makeSnapshot({ status: ready, deletionRequestedAt: ago(1) });
  assert.equal(plan(leaving), "Pending: snapshot prod/snap, from which it is to be made, does not exist");
  const failing = makeSnapshot({ status: { state: "Failed", failureMessage: "disk full" } });
  assert.equal(plan(failing), "Pending: waits for snapshot prod/snap, which is Failed: disk full");
  const foreign = makeSnapshot({ status: { ...ready, driver: "loop" } });
  assert.match(plan(foreign), /was made by the driver loop, its class uses local/);
});
