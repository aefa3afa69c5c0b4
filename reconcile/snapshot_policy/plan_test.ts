import assert from "node:assert/strict";
import fc from "fast-check";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Snapshot, SnapshotStatus } from "../../model/snapshot.ts";
import { ago, makeProvisionedVolume, makeSnapshot, makeVolume, NOW } from "../testing/resources.ts";
import { planSnapshotPolicy, type SnapshotPolicyView } from "./plan.ts";

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
const MINUTE = 60;
const old = makeProvisionedVolume({ createdAt: ago(3600 * 24) });
const policy = { every: "10m", keep: 2 };

const makeNumbered = (n: number) => ({
  [ANNOTATIONS.policyVolume]: "volume-uid",
  [ANNOTATIONS.policyNumber]: String(n),
});

/** A snapshot requested some minutes ago, with the minutes as its name. */
const makeTaken = (minutes: number, status: Partial<SnapshotStatus> = { state: "Ready" }): Snapshot =>
  makeSnapshot({
    name: `s${minutes}`,
    uid: `u${minutes}`,
    createdAt: ago(minutes * MINUTE),
    annotations: makeNumbered(10_000 - minutes),
    status,
  });
const makeFailed = (minutes: number, more: Partial<SnapshotStatus> = {}) =>
  makeTaken(minutes, { state: "Failed", failureMessage: "no room", attempts: 6, ...more });
const makeRetrying = (minutes: number) => makeFailed(minutes, { nextAttemptAt: ago(-5) });

/** What the provider may have: `most` snapshots, each of them 10 minutes after the last. */
const limit = (mostPerVolume: number) => ({
  capabilities: { ...capabilities, snapshotLimits: { minIntervalMs: 10 * 60_000, mostPerVolume } },
});
/** A snapshot that a person took some minutes ago. */
const makeByHand = (minutes: number): Snapshot => ({
  ...makeTaken(minutes, readyAt(minutes)),
  annotations: {},
});
const readyAt = (minutes: number) => ({ state: "Ready" as const, takenAt: ago(minutes * MINUTE) });

const plan = (view: Partial<SnapshotPolicyView>) =>
  planSnapshotPolicy({
    volume: old,
    policy,
    taken: [],
    copies: view.taken ?? [],
    isNeeded: () => false,
    capabilities,
    now: NOW,
    ...view,
  });

/**
 * The expected plan: whether it takes a snapshot, which it removes, and after how many seconds it looks
 * again.
 */
const TABLE: [
  what: string,
  view: Partial<SnapshotPolicyView>,
  take: boolean,
  removed: string[],
  afterS?: number,
][] = [
  ["a volume without a policy", { policy: undefined, taken: [makeTaken(99)] }, false, []],
  [
    "a volume that is being deleted",
    { volume: makeProvisionedVolume({ deletionRequestedAt: ago(1) }) },
    false,
    [],
  ],
  [
    "a volume that is being deleted while one is taken of it",
    {
      volume: makeProvisionedVolume({ deletionRequestedAt: ago(1) }),
      policy: undefined,
      taken: [
        makeTaken(0, { state: "Creating" }),
        makeFailed(20),
        makeTaken(30),
        makeTaken(40),
        makeTaken(50),
      ],
    },
    false,
    ["s0", "s20"],
  ],
  [
    "a volume that is gone",
    {
      volume: undefined,
      policy: undefined,
      taken: [makeTaken(0, { state: "Pending" }), makeRetrying(20), makeTaken(30)],
    },
    false,
    ["s0", "s20"],
  ],
  [
    "a volume of the same name as one before",
    {
      volume: makeProvisionedVolume({ uid: "another", createdAt: ago(MINUTE) }),
      taken: [makeTaken(20), makeFailed(30), makeTaken(40), makeTaken(50)],
    },
    false,
    ["s30"],
    9 * MINUTE,
  ],
  ["one that is not provisioned", { volume: makeVolume({}, { createdAt: ago(3600) }) }, false, []],
  ["one that was given up", { volume: makeVolume({}, { status: { state: "Stalled" } }) }, false, []],
  ["one whose driver is missing", { capabilities: undefined }, false, []],
  ["one whose driver takes none", { capabilities: { ...capabilities, snapshots: false } }, false, []],
  ["one that is older than every, and has none", {}, true, []],
  [
    "one that is younger",
    { volume: makeProvisionedVolume({ createdAt: ago(4 * MINUTE) }) },
    false,
    [],
    6 * MINUTE,
  ],
  [
    "one that is younger, and adopted what was there",
    {
      volume: makeProvisionedVolume({ createdAt: ago(1), status: { adopted: true } }),
    },
    true,
    [],
  ],
  [
    "one that is younger, and was brought back",
    {
      volume: makeProvisionedVolume({
        createdAt: ago(1),
        annotations: { [ANNOTATIONS.undeleteFrom]: "entry" },
      }),
    },
    true,
    [],
  ],
  [
    "one that is younger, and was restored",
    {
      volume: {
        ...makeProvisionedVolume({ createdAt: ago(1) }),
        spec: makeVolume({ source: { snapshot: "s", namespace: "default" } }).spec,
      },
    },
    true,
    [],
  ],
  [
    "one that adopted what was there, and was copied since",
    {
      volume: makeProvisionedVolume({ createdAt: ago(300), status: { adopted: true } }),
      taken: [makeTaken(4)],
    },
    false,
    [],
    6 * MINUTE,
  ],
  ["the last is recent", { taken: [makeTaken(4)] }, false, [], 6 * MINUTE],
  ["the last is as old as every", { taken: [makeTaken(10)] }, true, []],
  ["many were missed", { taken: [makeTaken(999)] }, true, []],
  ["one is being taken", { taken: [makeTaken(11, { state: "Creating" })] }, false, []],
  ["one waits for its writers", { taken: [makeTaken(30, { state: "Pending" }), makeTaken(60)] }, false, []],
  ["one is tried again", { taken: [makeRetrying(12), makeTaken(60)] }, false, []],
  ["one is going", { taken: [{ ...makeTaken(1), deletionRequestedAt: ago(1) }, makeTaken(11)] }, true, []],
  [
    "more are Ready than are kept",
    { taken: [makeTaken(3), makeTaken(33), makeTaken(13), makeTaken(23)] },
    false,
    [
      "s23",
      "s33",
    ],
    7 * MINUTE,
  ],
  [
    "more are Ready, one of them needed",
    {
      taken: [makeTaken(3), makeTaken(13), makeTaken(23), makeTaken(33)],
      isNeeded: (s) => s.uid === "u33",
    },
    false,
    ["s23"],
    7 * MINUTE,
  ],
  [
    "one is being taken while the others fill what is kept",
    {
      taken: [makeTaken(0, { state: "Creating" }), makeTaken(13), makeTaken(23)],
    },
    false,
    [],
  ],
  [
    "newer ones failed: the good ones stay, and of the failures the newest",
    {
      taken: [makeFailed(1), makeFailed(11), makeFailed(21), makeTaken(31), makeTaken(41)],
    },
    false,
    ["s11", "s21"],
    9 * MINUTE,
  ],
  [
    "a person took one meanwhile, and the provider asks for 10 minutes",
    { ...limit(9), taken: [makeTaken(14)], copies: [makeTaken(14), makeByHand(4)] },
    false,
    [],
    6 * MINUTE,
  ],
  [
    "the provider allows no more, and all of the policy's are there: the oldest one makes room",
    {
      ...limit(3),
      taken: [makeTaken(14), makeTaken(24)],
      copies: [makeTaken(14), makeTaken(24), makeByHand(60)],
    },
    false,
    ["s24"],
  ],
  [
    "the same, and the oldest is needed",
    {
      ...limit(3),
      taken: [makeTaken(14), makeTaken(24)],
      copies: [makeTaken(14), makeTaken(24), makeByHand(60)],
      isNeeded: (s) => s.uid === "u24",
    },
    false,
    ["s14"],
  ],
  [
    "the provider allows no more, and one is going",
    {
      ...limit(3),
      taken: [makeTaken(14), { ...makeTaken(24), deletionRequestedAt: ago(1) }],
      copies: [makeTaken(14), { ...makeTaken(24), deletionRequestedAt: ago(1) }, makeByHand(60)],
    },
    false,
    [],
  ],
  [
    "the provider allows no more, because of what people took",
    { ...limit(2), taken: [makeTaken(14)], copies: [makeTaken(14), makeByHand(60)] },
    false,
    [],
  ],
  [
    "the provider allows no more, and the policy keeps one: the last one stays",
    {
      ...limit(2),
      policy: { every: "10m", keep: 1 },
      taken: [makeTaken(14)],
      copies: [makeTaken(14), makeByHand(60)],
    },
    false,
    [],
  ],
  ["only failures", { taken: [makeFailed(1), makeFailed(11)] }, false, ["s11"], 9 * MINUTE],
  [
    "a newer one is Ready: no failure stays",
    { taken: [makeTaken(1), makeFailed(11), makeTaken(21)] },
    false,
    [
      "s11",
    ],
    9 * MINUTE,
  ],
  [
    "the last failed, and every is long: again after an hour",
    {
      policy: { every: "1d", keep: 1 },
      taken: [makeFailed(59), makeTaken(3000)],
    },
    false,
    [],
    MINUTE,
  ],
  [
    "the same, when that is over",
    { policy: { every: "1d", keep: 1 }, taken: [makeFailed(60), makeTaken(3000)] },
    true,
    [],
  ],
  [
    "far off: it looks again after an hour",
    { policy: { every: "60d", keep: 1 }, taken: [makeTaken(1)] },
    false,
    [],
    3600,
  ],
  ["the last is seconds ahead, as clocks differ", { taken: [makeTaken(-0.5)] }, false, [], 10.5 * MINUTE],
  [
    "the clock was set back an hour: the last says nothing",
    { taken: [makeTaken(-60), makeTaken(-50)] },
    true,
    [],
  ],
  [
    "the clock was set back, and one was taken since: it is the newest, whatever the times say",
    {
      taken: [{ ...makeTaken(4), annotations: makeNumbered(99_999) }, makeTaken(-60), makeTaken(-50)],
    },
    false,
    ["s-50"],
    6 * MINUTE,
  ],
  [
    "the volume was made before the clock was set back",
    { volume: makeProvisionedVolume({ createdAt: ago(-3600) }) },
    true,
    [],
  ],
];

for (const [what, view, take, removed, afterS] of TABLE) {
  Deno.test(`planSnapshotPolicy() where ${what}: ${take ? "takes one" : "takes none"}, removes ${removed.length}`, () => {
    const { remove, ...found } = plan(view);
    assert.equal(found.take, take);
    assert.deepEqual(remove.map((s) => s.name).sort(), removed);
    assert.equal(found.afterMs, afterS === undefined ? undefined : afterS * 1000);
  });
}

Deno.test("planSnapshotPolicy() reports the policy, the last good snapshot, the failure since, and when the next is due", () => {
  assert.deepEqual(plan({ taken: [makeTaken(4), makeTaken(14)] }).schedule, {
    policy,
    last: { name: "s4", at: ago(4 * MINUTE) },
    nextAt: ago(-6 * MINUTE),
  });
  assert.deepEqual(plan({ taken: [makeFailed(4), makeTaken(14)] }).schedule, {
    policy,
    last: { name: "s14", at: ago(14 * MINUTE) },
    failureMessage: "no room",
    nextAt: ago(-6 * MINUTE),
  });
  assert.deepEqual(plan({ taken: [makeTaken(0, { state: "Creating" })] }).schedule, { policy, taking: "s0" });
  const full = plan({ ...limit(1), taken: [], copies: [makeByHand(60)] });
  assert.deepEqual(full.schedule, {
    policy,
    failureMessage:
      "volume default/data has as many snapshots as its driver allows: 1; delete one, or keep fewer",
  });
  const soon = plan({ ...limit(9), taken: [makeTaken(14)], copies: [makeTaken(14), makeByHand(4)] });
  assert.equal(soon.schedule?.nextAt, ago(-6 * MINUTE));
});

/**
 * One step of the simulation: time passes, the clock jumps, or the snapshot in progress ends.
 */
type Happening = { pass: number } | { jump: number } | { ends: "Ready" | "Failed" };

const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    fc.integer({ min: 1, max: 900 }).map((pass) => ({ pass })),
    fc.integer({ min: -7200, max: 7200 }).map((jump) => ({ jump })),
    fc.constantFrom("Ready" as const, "Failed" as const).map((ends) => ({ ends })),
  ),
  { maxLength: 80 },
);
const isReady = (s: Snapshot) => s.status.state === "Ready";
const isBusy = (s: Snapshot) => s.status.state === "Creating";

function simulate(events: Happening[], keep: number): void {
  let now = NOW.getTime();
  let rows: Snapshot[] = [];
  let made = 0;
  /** Real time since no snapshot was in progress. */
  let idleS = 0;
  for (const event of events) {
    if ("pass" in event) [now, idleS] = [now + event.pass * 1000, idleS + event.pass];
    else if ("jump" in event) now += event.jump * 1000;
    else rows = rows.map((s) => isBusy(s) ? { ...s, status: { ...s.status, state: event.ends } } : s);
    const { take, remove } = plan({ policy: { every: "10m", keep }, taken: rows, now: new Date(now) });
    // In order of creation.
    const good = rows.filter(isReady);
    rows = rows.filter((s) => !remove.includes(s));
    assert.deepEqual(rows.filter(isReady), good.slice(-keep), "the newest good ones stay");
    const busy = rows.some(isBusy);
    assert.ok(!(busy && take), "one at a time");
    if (take || busy) idleS = 0;
    // `every`, the tolerated clock difference, and one time step.
    assert.ok(idleS <= 600 + 60 + 900, `idle for ${idleS} s`);
    if (take) {
      rows.push(makeSnapshot({
        uid: `u${++made}`,
        annotations: makeNumbered(made),
        createdAt: new Date(now).toISOString(),
        status: { state: "Creating" },
      }));
    }
  }
}

Deno.test("planSnapshotPolicy() keeps the newest good snapshots, takes one at a time, and never pauses for long, whatever the clock does", () => {
  fc.assert(fc.property(happenings, fc.integer({ min: 1, max: 4 }), simulate), { numRuns: 1000 });
});
