import assert from "node:assert/strict";
import type { Instance } from "../../model/instance.ts";
import type { Service } from "../../model/service.ts";
import { anInstance, aService, aVolume } from "../daemon_fixture.ts";
import type { Goal } from "./goal.ts";
import { judgeService, judgeVolume } from "./verdict.ts";

const goal: Goal = { kind: "service", namespace: "default", name: "web", generation: 1 };
const now = Date.parse("2026-01-31T12:05:00.000Z");
const pending = { state: "Pending", ready: 0, updated: 0 } as const;
const makeCrashed = (crashes: number, more: Partial<Instance["status"]> = {}) =>
  anInstance("web", 0, { status: { state: "Failed", ready: false, crashes, ...more } });

interface Case {
  name: string;
  goal?: Partial<Goal>;
  service?: Service;
  instances?: Instance[];
  state: string;
  text: RegExp;
  mayHeal?: true;
  fresh?: true;
}

const cases: Case[] = [
  { name: "a running service", service: aService("web"), state: "done", text: /^Running, 1\/1 ready$/ },
  {
    name: "one that has just started",
    service: aService("web"),
    instances: [anInstance("web", 0, { status: { startedAt: new Date(now - 50).toISOString() } })],
    state: "done",
    text: /^Running/,
    fresh: true,
  },
  {
    name: "one whose host name is not processed yet",
    service: aService("web", { spec: { expose: { port: 1, host: "a.local" } } }),
    state: "waiting",
    text: /^Running, 1\/1 ready, a\.local is being exposed$/,
  },
  {
    name: "one whose host name leads nowhere",
    service: aService("web", {
      spec: { expose: { port: 1, host: "a.local" } },
      status: { exposure: { host: "a.local", urls: [], message: "Caddy is not installed" } },
    }),
    state: "done",
    text: /^Running, 1\/1 ready, but a\.local is not exposed: Caddy is not installed$/,
  },
  { name: "a service that is not there", state: "failed", text: /deleted/ },
  {
    name: "one that is being deleted",
    service: aService("web", { deletionRequestedAt: "2026-01-31T12:00:00.000Z" }),
    state: "failed",
    text: /being deleted/,
  },
  {
    name: "a status of the previous generation",
    goal: { generation: 2 },
    service: aService("web"),
    state: "waiting",
    text: /^Pending$/,
  },
  {
    name: "all ready, but not all of the new template",
    service: aService("web", { spec: { scale: 2 }, status: { ready: 2, updated: 1 } }),
    state: "waiting",
    text: /2\/2 ready/,
  },
  {
    name: "a rollout that has not ended",
    service: aService("web", { status: { rolloutStartedAt: "2026-01-31T12:01:00.000Z" } }),
    state: "waiting",
    text: /^Updating/,
  },
  {
    name: "all ready, and some that were scaled away have not ended",
    service: aService("web"),
    instances: [
      anInstance("web", 0),
      { ...anInstance("web", 1), deletionRequestedAt: "2026-01-31T12:00:00.000Z" },
    ],
    state: "waiting",
    text: /^Running, 1\/1 ready, 1 stopping$/,
  },
  {
    name: "a rollout that timed out",
    service: aService("web", {
      status: { rolloutStartedAt: "2026-01-31T11:59:00.000Z", message: "it goes no further" },
    }),
    state: "failed",
    text: /goes no further/,
  },
  {
    name: "some that start",
    service: aService("web", { spec: { scale: 2 }, status: { ...pending, ready: 1 } }),
    instances: [anInstance("web", 0), anInstance("web", 1, { status: { state: "Starting", ready: false } })],
    state: "waiting",
    text: /^Pending, 1\/2 ready \(web-1 Starting\)$/,
  },
  {
    name: "a failure that retries may fix",
    service: aService("web", {
      status: { ...pending, state: "Failed", reason: "ImageUnreachable", message: "no" },
    }),
    state: "failed",
    text: /^Failed \(ImageUnreachable\): no/,
    mayHeal: true,
  },
  {
    name: "an instance that gave up",
    service: aService("web", { status: pending }),
    instances: [anInstance("web", 0, { status: { state: "Stalled", ready: false, reason: "LaunchFailed" } })],
    state: "failed",
    text: /^web-0 Stalled \(LaunchFailed\)/,
  },
  {
    name: "an instance of the previous generation that gave up",
    goal: { generation: 2 },
    service: aService("web", { generation: 2, status: { ...pending, observedGeneration: 2 } }),
    instances: [anInstance("web", 0, { status: { state: "Stalled", ready: false } })],
    state: "waiting",
    text: /Pending/,
  },
  {
    name: "the first crash",
    service: aService("web"),
    instances: [makeCrashed(1)],
    state: "waiting",
    text: /web-0 crashed once/,
  },
  {
    name: "many crashes, also while it runs for a moment",
    service: aService("web"),
    instances: [
      makeCrashed(3, { state: "Running", ready: true, startedAt: new Date(now - 500).toISOString() }),
    ],
    state: "failed",
    text: /crashed 3 times in a row/,
    mayHeal: true,
  },
  {
    name: "a crash long ago",
    service: aService("web"),
    instances: [
      makeCrashed(1, { state: "Running", ready: true, startedAt: new Date(now - 11_000).toISOString() }),
    ],
    state: "done",
    text: /Running/,
  },
  {
    name: "a restart that has just begun",
    goal: { restartedAt: "2026-01-31T12:04:00.000Z" },
    service: aService("web"),
    instances: [anInstance("web", 0)],
    state: "waiting",
    text: /^0\/1 restarted$/,
  },
  ...[
    // The service's status is older than the restart: its watch may lag behind that of the instances.
    {
      name: "a restart whose first successor exists",
      instances: [
        anInstance("web", 0),
        {
          ...anInstance("web", 0, {
            spec: { restartedAt: "T" },
            status: { state: "Starting", ready: false },
          }),
          name: "web-0-next",
        },
      ],
      text: /^0\/1 restarted \(web-0-next Starting\)$/,
    },
    {
      name: "a restart whose successor is ready beside the old instance",
      instances: [
        anInstance("web", 0),
        { ...anInstance("web", 0, { spec: { restartedAt: "T" } }), name: "web-0-next" },
      ],
      text: /^1\/1 restarted$/,
    },
    {
      name: "a restart whose successor is alone and not ready",
      instances: [
        anInstance("web", 0, { spec: { restartedAt: "T" }, status: { state: "Starting", ready: false } }),
      ],
      text: /^0\/1 restarted \(web-0 Starting\)$/,
    },
  ].map((row) => ({
    ...row,
    goal: { restartedAt: "T" },
    service: aService("web"),
    state: "waiting" as const,
  })),
  {
    name: "a restart that is complete",
    goal: { restartedAt: "T" },
    service: aService("web"),
    instances: [anInstance("web", 0, { spec: { restartedAt: "T" } })],
    state: "done",
    text: /Running/,
  },
  {
    name: "scaled to 0, one left",
    service: aService("web", { spec: { scale: 0 }, status: { state: "Stopped", ready: 0 } }),
    instances: [anInstance("web", 0)],
    state: "waiting",
    text: /1 left/,
  },
  {
    name: "scaled to 0",
    service: aService("web", { spec: { scale: 0 }, status: { state: "Stopped", ready: 0 } }),
    state: "done",
    text: /^Stopped$/,
  },
  {
    name: "a job that ended well",
    service: aService("web", {
      spec: { restart: "on-failure" },
      status: { state: "Completed", ready: 0, completed: 1 },
    }),
    instances: [anInstance("web", 0, { status: { state: "Completed", ready: false } })],
    state: "done",
    text: /^Completed$/,
  },
  {
    name: "a job that has just been started",
    service: aService("web", { spec: { restart: "never" } }),
    instances: [anInstance("web", 0, { status: { startedAt: new Date(now - 5_000).toISOString() } })],
    state: "waiting",
    text: /has not ended yet/,
  },
  {
    name: "a job that takes long",
    service: aService("web", { spec: { restart: "never" } }),
    instances: [anInstance("web", 0)],
    state: "done",
    text: /^Running, 1\/1 ready, and has not ended yet$/,
  },
  {
    name: "a job that failed",
    service: aService("web", { spec: { restart: "never" }, status: { ...pending, state: "Failed" } }),
    instances: [
      anInstance("web", 0, {
        status: {
          state: "Stopped",
          ready: false,
          message: "it exited with code 3",
          lastFailure: { at: "T", reason: "JobFailed", message: "it exited with code 3", exitCode: 3 },
        },
      }),
    ],
    state: "failed",
    text: /^web-0 failed: it exited with code 3$/,
  },
  {
    name: "one that somebody cast again meanwhile",
    service: aService("web", { generation: 11 }),
    state: "failed",
    text: /^overtaken by generation 11$/,
  },
  {
    name: "a restart that another one follows",
    goal: { restartedAt: "2026-01-31T12:04:00.000Z" },
    service: aService("web", { annotations: { "rune.io/restarted-at": "2026-01-31T12:04:01.000Z" } }),
    state: "failed",
    text: /^overtaken by another restart$/,
  },
  {
    name: "the crashes of a restarted instance, one of three",
    goal: { restartedAt: "T" },
    service: aService("web", { spec: { scale: 3 } }),
    instances: [
      anInstance("web", 0),
      anInstance("web", 1),
      anInstance("web", 2, {
        spec: { restartedAt: "T" },
        status: { state: "Failed", ready: false, crashes: 3 },
      }),
    ],
    state: "failed",
    text: /^web-2 crashed 3 times in a row/,
    mayHeal: true,
  },
  {
    name: "crashes of an instance that is about to be replaced",
    goal: { restartedAt: "T" },
    service: aService("web"),
    instances: [makeCrashed(5)],
    state: "waiting",
    text: /^0\/1 restarted/,
  },
  {
    name: "attempts that all failed before anything ran",
    service: aService("web", { status: pending }),
    instances: [
      anInstance("web", 0, {
        status: { state: "Starting", ready: false, launchFailures: 3, reason: "LaunchFailed", message: "no" },
      }),
    ],
    state: "failed",
    text: /LaunchFailed/,
    mayHeal: true,
  },
  {
    name: "a job that an earlier daemon reports as finished",
    service: aService("web", { spec: { restart: "never" }, status: pending }),
    instances: [anInstance("web", 0, { status: { state: "Stopped", ready: false } })],
    state: "done",
    text: /finished/,
  },
];

Deno.test("judgeService() gives up on a stalled volume only if it mounts it", () => {
  const mount = { name: "d", mountPath: "/d", readOnly: false, subPath: "" };
  const template = { size: "1Gi", accessMode: "ReadWriteOnce" as const, parameters: {} };
  const makeStalled = (name: string) => aVolume(name, { state: "Stalled", failureMessage: "no disk" });
  const judge = (volumes: Service["spec"]["volumes"], name: string) =>
    judgeService(goal, {
      service: aService("web", { spec: { volumes }, status: pending }),
      instances: [],
      volumes: [makeStalled(name)],
      now,
    });
  const claimed = judge([{ ...mount, claim: { name: "v" } }], "v");
  assert.equal(claimed.state, "failed");
  assert.match(claimed.text, /waits for volume default\/v, which is Stalled: no disk/);
  assert.equal(judge([{ ...mount, claimTemplate: template }], "d-web-0").state, "failed");
  assert.equal(judge([{ ...mount, claimTemplate: template }], "d-web-1").state, "waiting");
  assert.equal(judge([], "v").state, "waiting");
});

Deno.test("judgeVolume() waits until a volume has the requested size, and nobody holds it", () => {
  const volumeGoal: Goal = { kind: "volume", namespace: "default", name: "v", generation: 1 };
  const judge = (more: Partial<Goal>, status: Parameters<typeof aVolume>[1]) =>
    judgeVolume({ ...volumeGoal, ...more }, aVolume("v", status));
  const grown = { type: "Grown", value: false, message: "it grows when web-0 lets go", since: "" };
  assert.deepEqual(judge({ sizeBytes: 2 }, { state: "Bound", sizeBytes: 1, conditions: [grown] }), {
    state: "waiting",
    text: "it grows when web-0 lets go",
  });
  assert.equal(judge({ sizeBytes: 2 }, { state: "Bound", sizeBytes: 2 }).state, "done");
  assert.deepEqual(judge({ sizeBytes: 2 }, { state: "Bound", sizeBytes: 2, conditions: [grown] }), {
    state: "done",
    text: "Bound, it grows when web-0 lets go",
  });
  assert.equal(judge({ detached: true }, { state: "Bound", boundClaim: "default/web-0" }).state, "waiting");
  const attached = judge({ detached: true }, { state: "Available", boundNode: "n1" });
  assert.deepEqual([attached.state, attached.text], ["waiting", "still attached to n1"]);
  assert.equal(judge({ detached: true }, { state: "Available" }).state, "done");
});

for (const c of cases) {
  Deno.test(`judgeService() judges ${c.name} as ${c.state}`, () => {
    const seen = { service: c.service, instances: c.instances ?? [], now };
    const verdict = judgeService({ ...goal, ...c.goal }, seen);
    assert.equal(verdict.state, c.state);
    assert.match(verdict.text, c.text);
    assert.equal(verdict.mayHeal, c.mayHeal);
    assert.equal(verdict.fresh, c.fresh);
  });
}

Deno.test("judgeVolume() waits for provisioning and gives up on a stalled volume", () => {
  const volumeGoal: Goal = { kind: "volume", namespace: "default", name: "v", generation: 1 };
  const judge = (status: Parameters<typeof aVolume>[1], more: Partial<Goal> = {}) =>
    judgeVolume({ ...volumeGoal, ...more }, aVolume("v", status));
  assert.equal(judge({ state: "Pending" }).state, "waiting");
  assert.deepEqual(judge({ state: "Failed", attempts: 1, failureMessage: "full" }), {
    state: "waiting",
    text: "Failed, tried once: full",
  });
  assert.match(judge({ state: "Failed", attempts: 2 }).text, /tried 2 times/);
  assert.equal(judge({ state: "Available" }).state, "done");
  assert.equal(judge({ state: "Bound" }).state, "done");
  assert.match(judge({ state: "Bound", adopted: true }).text, /keeps the data found in \/volumes\/v/);
  const stalled = { state: "Stalled", failureMessage: "refused", failureHint: "allow it" } as const;
  assert.deepEqual(judge(stalled), { state: "failed", text: "Stalled: refused (allow it)" });
  assert.equal(judge(stalled, { retriedAt: "2026-01-31T12:00:00.000Z" }).state, "waiting");
  assert.equal(judgeVolume(volumeGoal, undefined).state, "failed");
});
