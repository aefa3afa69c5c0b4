import assert from "node:assert/strict";
import { ago, makeProvisionedVolume, makeSnapshot, makeVolume, NOW } from "../testing/resources.ts";
import type { Moment } from "../../base/clock.ts";
import type { SnapshotStatus } from "../../model/snapshot.ts";
import { failedStatus, MAX_ATTEMPTS, planSnapshot, type SnapshotView } from "./plan.ts";

const capabilities = {
  accessModes: [],
  snapshots: true,
  expand: true,
  onlineExpand: true,
  blockDevice: false,
  reclaimDelete: true,
  processMounts: false,
  scope: "daemon" as const,
  sources: [],
};
const plan = (view: Partial<SnapshotView>) =>
  planSnapshot({
    snapshot: makeSnapshot(),
    volume: makeProvisionedVolume(),
    capabilities,
    copies: [],
    now: NOW,
    ...view,
  });
const limited = { ...capabilities, snapshotLimits: { minIntervalMs: 600_000, mostPerVolume: 2 } };
const makeCopy = (name: string, status: Partial<SnapshotStatus>) =>
  makeSnapshot({ name, uid: `${name}-uid`, status: { state: "Ready", ...status } });
const paused = [{
  instanceUid: "u",
  run: 1,
  runner: "docker" as const,
  namespace: "default",
  instance: "web-0",
}];
const origin = { uid: "volume-uid", size: "1Gi", accessMode: "ReadWriteOnce" as const };

/** The expected plan in each situation: the step, and for `settle` the state and a part of the message. */
const TABLE: [what: string, view: Partial<SnapshotView>, step: string, message?: RegExp][] = [
  ["of a provisioned volume", {}, "take"],
  ["that is Ready, even without its volume", {
    snapshot: makeSnapshot({ status: { state: "Ready" } }),
    volume: undefined,
  }, "settle Ready"],
  [
    "whose attempt was interrupted",
    { snapshot: makeSnapshot({ status: { state: "Creating", origin } }) },
    "take",
  ],
  ["whose attempt was interrupted while writers were paused", {
    snapshot: makeSnapshot({ status: { state: "Creating", origin, copying: true, paused } }),
  }, "resume"],
  ["that is being deleted while writers are paused", {
    snapshot: makeSnapshot({ deletionRequestedAt: ago(1), status: { state: "Creating", paused } }),
  }, "resume"],
  ["that failed while writers are paused, its volume gone", {
    snapshot: makeSnapshot({ status: { state: "Failed", paused } }),
    volume: undefined,
    capabilities: undefined,
  }, "resume"],
  ["without paused writers, with the barrier still up", {
    snapshot: makeSnapshot({ status: { state: "Creating", copying: true } }),
  }, "resume"],
  ["that is being deleted", {
    snapshot: makeSnapshot({ deletionRequestedAt: ago(1), status: { state: "Ready" } }),
    volume: undefined,
    capabilities: undefined,
  }, "remove"],
  [
    "of a volume that is not provisioned",
    {
      volume: makeVolume({}, { status: { state: "Stalled", failureMessage: "no room" } }),
    },
    "settle Pending",
    /waits for volume default\/data, which is Stalled: no room/,
  ],
  ["of a volume that is gone", { volume: undefined }, "settle Failed", /was deleted before it was copied/],
  [
    "of a volume that is being deleted",
    {
      volume: makeProvisionedVolume({ deletionRequestedAt: ago(1) }),
    },
    "settle Failed",
    /was deleted/,
  ],
  [
    "of a volume that has been replaced by another of its name",
    {
      snapshot: makeSnapshot({ status: { state: "Creating", origin: { ...origin, uid: "other" } } }),
    },
    "settle Failed",
    /was deleted/,
  ],
  ["of a volume whose driver is missing", { capabilities: undefined }, "settle Pending", /no driver "local"/],
  ["that failed and is not due", {
    snapshot: makeSnapshot({ status: { state: "Failed", nextAttemptAt: ago(-3) } }),
  }, "settle Failed"],
  ["that failed and is due", {
    snapshot: makeSnapshot({ status: { state: "Failed", nextAttemptAt: ago(0) } }),
  }, "take"],
  [
    "taken too soon after another one",
    {
      capabilities: limited,
      copies: [makeCopy("a", { takenAt: ago(599) })],
    },
    "settle Pending",
    /^waits until 10 minutes after the last snapshot of the volume$/,
  ],
  [
    "taken long after another one",
    { capabilities: limited, copies: [makeCopy("a", { takenAt: ago(600) })] },
    "take",
  ],
  ["taken soon after another one, where the driver has no limits", {
    copies: [makeCopy("a", { takenAt: ago(1) })],
  }, "take"],
  [
    "of a volume that has as many as its driver allows",
    {
      capabilities: limited,
      copies: [makeCopy("a", { takenAt: ago(900) }), makeCopy("b", { takenAt: ago(9000) })],
    },
    "settle Pending",
    /^volume default\/data has as many snapshots as its driver allows: 2$/,
  ],
  ["of a volume that has as many as its driver allows, this one included", {
    capabilities: limited,
    snapshot: makeSnapshot({ status: { state: "Creating", origin } }),
    copies: [makeCopy("a", { takenAt: ago(900) }), makeSnapshot({ status: { state: "Creating", origin } })],
  }, "take"],
  [
    "while another one is being taken",
    {
      capabilities: limited,
      copies: [makeCopy("a", { state: "Creating" })],
    },
    "settle Pending",
    /^waits for snapshot default\/a, which is being taken$/,
  ],
  ["that failed, and waits as long as its driver asks", {
    capabilities: limited,
    snapshot: makeSnapshot({ status: { state: "Failed", nextAttemptAt: ago(-550) } }),
  }, "settle Failed"],
  ["that failed for good", { snapshot: makeSnapshot({ status: { state: "Failed" } }) }, "settle Failed"],
];

for (const [what, view, expected, message] of TABLE) {
  Deno.test(`planSnapshot() of a snapshot ${what}: ${expected}`, () => {
    const step = plan(view);
    assert.equal(step.do === "settle" ? `settle ${step.status.state}` : step.do, expected);
    if (message && step.do === "settle") assert.match(step.status.failureMessage ?? "", message);
  });
}

Deno.test("planSnapshot() looks again when a retry is due", () => {
  const step = plan({ snapshot: makeSnapshot({ status: { state: "Failed", nextAttemptAt: ago(-3) } }) });
  assert.deepEqual(step.do === "settle" && step.afterMs, 3000);
});

Deno.test("planSnapshot() looks again when the interval is over, however the clock was set", () => {
  const afterMs = (takenAt: string, now: Moment = NOW) => {
    const step = plan({ capabilities: limited, copies: [makeCopy("a", { takenAt })], now });
    return step.do === "settle" ? step.afterMs : step.do;
  };
  assert.equal(afterMs(ago(200)), 400_000);
  // The clock was set back by an hour 5 minutes ago.
  const clock = { steps: [], watchedMs: 300_000 };
  assert.equal(afterMs(ago(-3300), Object.assign(new Date(NOW), { clock })), 300_000);
});

Deno.test("failedStatus() waits from the third attempt on as long as the driver asks between two snapshots", () => {
  let status = makeSnapshot().status;
  const delays: (number | undefined)[] = [];
  for (let i = 0; i < MAX_ATTEMPTS; i++) {
    const limits = limited.snapshotLimits;
    status = failedStatus(status, { message: "too soon", permanent: false, now: NOW, limits });
    const { nextAttemptAt } = status;
    delays.push(nextAttemptAt === undefined ? undefined : Date.parse(nextAttemptAt) - NOW.getTime());
  }
  assert.deepEqual(delays, [1000, 2000, 600_000, 600_000, 600_000, undefined]);
});

Deno.test("failedStatus() retries 1, 2, 4 … s later, six times; a permanent failure is not retried", () => {
  let status = makeSnapshot().status;
  const delays: (number | undefined)[] = [];
  for (let i = 0; i < MAX_ATTEMPTS; i++) {
    status = failedStatus(status, { message: "disk full", permanent: false, now: NOW });
    const { nextAttemptAt } = status;
    delays.push(nextAttemptAt === undefined ? undefined : Date.parse(nextAttemptAt) - NOW.getTime());
  }
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16000, undefined]);
  const once = failedStatus(makeSnapshot().status, { message: "no", hint: "do", permanent: true, now: NOW });
  assert.deepEqual([once.state, once.nextAttemptAt, once.failureHint], ["Failed", undefined, "do"]);
});
