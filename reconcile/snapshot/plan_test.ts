import assert from "node:assert/strict";
import { ago, makeProvisionedVolume, makeSnapshot, makeVolume, NOW } from "../testing/resources.ts";
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
    now: NOW,
    ...view,
  });
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
