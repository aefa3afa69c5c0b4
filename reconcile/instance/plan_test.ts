import assert from "node:assert/strict";
import type { RunState } from "../../runners/runner.ts";
import type { InstanceStatus } from "../../model/instance.ts";
import {
  ago,
  makeInstance,
  makeProvisionedVolume,
  makeService,
  makeVolume,
  NOW,
} from "../testing/resources.ts";
import { planInstance } from "./plan.ts";
import { launchFailedStatus, MAX_LAUNCH_FAILURES } from "./status.ts";
import type { InstanceView, MountView } from "./view.ts";

const plain = makeService();
const mounting = makeService({ volumes: [{ name: "d", mountPath: "/d", claim: { name: "data" } }] });
const mount = mounting.spec.volumes[0]!;

function view(
  status: Partial<InstanceStatus>,
  more: Partial<InstanceView> & { service?: typeof plain } = {},
) {
  const service = more.service ?? plain;
  const instance = makeInstance(service, 0, { status });
  return { instance, service, mounts: [], run: undefined, now: NOW, ...more } satisfies InstanceView;
}

const run = (state: RunState["state"], more: Partial<RunState> = {}): RunState => ({
  instanceUid: "uid-web-0",
  run: 1,
  state,
  names: ["web", "web.default.rune", "web-0"],
  ...more,
});

function makeMounted(more: Partial<MountView> = {}): MountView {
  const holder = {
    instanceUid: "uid-web-0",
    namespace: "default",
    instance: "web-0",
    mode: "rw" as const,
    since: "",
  };
  return {
    mount,
    namespace: "default",
    name: "data",
    volume: makeProvisionedVolume(),
    holders: [holder],
    mounted: { path: "/v" },
    ...more,
  };
}

const fresh = { state: "Pending", ready: false, run: 0 } as const;
const other = { instanceUid: "o", namespace: "default", instance: "old-0", mode: "rw" as const, since: "" };

const named = makeService({ expose: { port: 1, host: "a.local" } });
const makeDrained = (service: typeof plain, ageMs: number, status: Partial<InstanceStatus> = {}) => {
  const deletionRequestedAt = new Date(NOW.getTime() - ageMs).toISOString();
  const instance = makeInstance(service, 0, { deletionRequestedAt, status });
  return { ...view({}, { service, run: run("running") }), instance };
};

const steps: [string, InstanceView, Record<string, unknown>][] = [
  ["launches run 1 of a new instance", view(fresh), { do: "launch", run: 1 }],
  ["settles a running instance", view({}, { run: run("running") }), { do: "settle" }],
  ["lets a routed instance answer a little longer", makeDrained(named, 100), {
    do: "settle",
    afterMs: 400,
  }],
  ["then retires the routed instance", makeDrained(named, 500), { do: "retire" }],
  ["retires an instance soon when the clock was set back while no daemon ran", {
    ...makeDrained(named, -60_000),
    now: Object.assign(new Date(NOW), { clock: { steps: [], watchedMs: 500 } }),
  }, { do: "retire" }],
  ["retires an instance at once when it is not ready", makeDrained(named, 0, { ready: false }), {
    do: "retire",
  }],
  ["retires an unrouted instance at once", makeDrained(plain, 0), { do: "retire" }],
  [
    "retires an instance at once when its service is deleted",
    makeDrained({ ...named, deletionRequestedAt: ago(0) }, 0),
    {
      do: "retire",
    },
  ],
  ["retires an instance whose service is gone", view({}, { service: undefined, run: run("running") }), {
    do: "retire",
  }],
  ["continues a launch that the last daemon began", view({ state: "Starting" }, { run: run("absent") }), {
    do: "launch",
    run: 1,
  }],
  ["continues a run that was created and not started", view({ state: "Starting" }, { run: run("created") }), {
    do: "launch",
    run: 1,
  }],
  ["discards a run that could not be started", view({ state: "Failed" }, { run: run("created") }), {
    do: "discard",
  }],
  [
    "launches the next run after an end that was recorded",
    view({ state: "Pending" }, { run: run("exited") }),
    {
      do: "launch",
      run: 2,
    },
  ],
  ["waits until a retry is due", view({ state: "Failed", nextAttemptAt: ago(-3) }, { run: run("exited") }), {
    do: "settle",
    afterMs: 3000,
  }],
  ["does nothing for a stalled instance", view({ state: "Stalled" }), { do: "settle" }],
  ["acquires leases first", view(fresh, { service: mounting, mounts: [makeMounted({ holders: [] })] }), {
    do: "acquire",
  }],
  ["launches once it has its lease and mount", view(fresh, { service: mounting, mounts: [makeMounted()] }), {
    do: "launch",
    run: 1,
  }],
];
for (const [name, given, expected] of steps) {
  Deno.test(`planInstance() ${name}`, () => {
    const step = planInstance("service" in given ? given : view({})) as unknown as Record<string, unknown>;
    for (const [key, value] of Object.entries(expected)) assert.equal(step[key], value, JSON.stringify(step));
  });
}

/** What the instance waits for, and whether that is a problem or a part of every start. */
const waits: [string, Partial<MountView>, RegExp, "VolumeNotReady"?][] = [
  ["a volume that does not exist", { volume: undefined }, /data does not exist; cast it/, "VolumeNotReady"],
  ["a volume being provisioned", { volume: makeVolume() }, /is being provisioned/],
  [
    "a failed volume",
    {
      volume: makeVolume({}, { status: { state: "Stalled", failureMessage: "no such path" } }),
    },
    /is Stalled: no such path/,
    "VolumeNotReady",
  ],
  [
    "a volume being deleted",
    { volume: makeProvisionedVolume({ deletionRequestedAt: ago(1) }), holders: [] },
    /is being deleted/,
    "VolumeNotReady",
  ],
  [
    "a volume held by another instance",
    { holders: [other] },
    /mounted read-write by default\/old-0/,
    "VolumeNotReady",
  ],
  ["a volume being mounted", { mounted: undefined }, /is being mounted/],
];
for (const [name, more, message, reason] of waits) {
  Deno.test(`planInstance() waits for ${name}, and never launches`, () => {
    const step = planInstance(view(fresh, { service: mounting, mounts: [makeMounted(more)] }));
    assert.ok(step.do === "settle", JSON.stringify(step));
    assert.equal(step.status.state, "Pending");
    assert.equal(step.status.reason, reason);
    assert.match(step.status.message!, message);
  });
}

function planEnded(status: Partial<InstanceStatus>, more: Partial<RunState> = {}, fields = {}) {
  const exited = run("exited", { exitCode: 1, finishedAt: ago(0), ...more });
  const step = planInstance(view(status, { run: exited, service: makeService(fields) }));
  assert.ok(step.do === "settle", JSON.stringify(step));
  return step;
}

Deno.test("planInstance() restarts a first crash at once, then backs off 1 s doubling to 60 s", () => {
  const delays = [0, 1, 2, 3, 7, 20].map((crashes) => planEnded({ crashes, startedAt: ago(5) }).afterMs);
  assert.deepEqual(delays, [0, 1000, 2000, 4000, 60_000, 60_000]);
  assert.equal(planEnded({ crashes: 0 }).status.state, "Pending");
  assert.equal(planEnded({ crashes: 1, startedAt: ago(1) }).status.state, "Failed");
});

Deno.test("planInstance() forgets crashes after a minute of running", () => {
  assert.equal(planEnded({ crashes: 9, startedAt: ago(61) }).status.crashes, 1);
  const running = planInstance(view({ crashes: 4 }, { run: run("running", { startedAt: ago(61) }) }));
  assert.ok(running.do === "settle" && running.status.crashes === 0 && running.afterMs === undefined);
  const young = planInstance(view({ crashes: 4 }, { run: run("running", { startedAt: ago(20) }) }));
  assert.ok(young.do === "settle" && young.status.crashes === 4);
  assert.equal(young.afterMs, 40_000);
});

Deno.test("planInstance() says why a run ended", () => {
  assert.equal(planEnded({ crashes: 2, startedAt: ago(1) }).status.reason, "CrashLoop");
  assert.equal(planEnded({}, { oomKilled: true }).status.reason, "OutOfMemory");
  assert.match(planEnded({}, { exitCode: 137 }).status.message!, /code 137 \(signal 9\)/);
  assert.equal(planEnded({}).status.restarts, 1);
  const removed = planInstance(view({}, { run: run("absent") }));
  assert.ok(removed.do === "settle");
  assert.match(removed.status.message!, /was removed/);
  const unexecuted = planEnded({}, { exitCode: 127, error: "/x is a script for /y, which is not there" });
  assert.match(unexecuted.status.message!, /^it could not be run: \/x is a script for \/y/);
});

Deno.test("planInstance() reports an instance as not ready when its main process went to the background, while the rest is being stopped", () => {
  const going = planInstance(
    view({ state: "Running", ready: true, run: 1 }, { run: run("running", { leftBehind: 2 }) }),
  );
  assert.ok(going.do === "settle");
  assert.deepEqual([going.status.ready, going.status.reason], [false, "InBackground"]);
  assert.match(going.status.message!, /run it in the foreground/);
});

Deno.test("planInstance() honours the restart policy", () => {
  assert.equal(planEnded({}, { exitCode: 0 }, { restart: "on-failure" }).status.state, "Completed");
  assert.equal(planEnded({}, { exitCode: 0 }, { restart: "always" }).status.state, "Pending");
  assert.equal(planEnded({}, { exitCode: 1 }, { restart: "never" }).status.state, "Stopped");
  assert.equal(planEnded({}, { exitCode: 1 }, { restart: "never" }).status.nextAttemptAt, undefined);
});

Deno.test("planInstance() reports how a job ended, releases its volumes, and runs it again only when its service says so", () => {
  const well = planEnded({ lastFailure: undefined }, { exitCode: 0, startedAt: ago(9) }, {
    restart: "never",
  });
  assert.deepEqual(
    [well.status.state, well.status.crashes, well.status.lastFailure, well.status.startedAt, well.releases],
    ["Completed", 0, undefined, ago(9), true],
  );
  const badly = planEnded({}, { exitCode: 3 }, { restart: "never" });
  assert.deepEqual([badly.status.reason, badly.status.lastFailure!.exitCode, badly.releases], [
    "JobFailed",
    3,
    true,
  ]);
  assert.match(
    badly.status.message!,
    /it exited with code 3, and is not started again; its output: rune logs web-0/,
  );
  const starved = planEnded({}, { exitCode: 0, oomKilled: true }, { restart: "never" });
  assert.deepEqual([starved.status.state, starved.status.reason], ["Stopped", "OutOfMemory"]);
  const over = (state: "Completed" | "Stopped", restart: string, more: Partial<InstanceView> = {}) => {
    const lastFailure = { at: ago(1), reason: "JobFailed", message: "m", exitCode: 1 } as const;
    const status = { state, ready: false, ...(state === "Stopped" && { lastFailure }) };
    return planInstance(view(status, { service: makeService({ restart }), run: run("exited"), ...more })).do;
  };
  assert.deepEqual([over("Completed", "on-failure"), over("Stopped", "never")], ["settle", "settle"]);
  assert.deepEqual([over("Completed", "always"), over("Stopped", "on-failure")], ["launch", "launch"]);
  assert.equal(
    over("Completed", "never", { run: run("running") }),
    "kill",
    "it has no right to its volumes any more",
  );
  const holding = planInstance(view({ state: "Stopped", ready: false }, {
    service: makeService({ restart: "never" }),
    mounts: [makeMounted()],
    run: run("exited"),
  }));
  assert.ok(holding.do === "settle" && holding.releases, "what an earlier version left held");
});

Deno.test("launchFailedStatus() stalls after ten failures, or at once when permanent", () => {
  let status = makeInstance(plain, 0, { status: fresh }).status;
  const failure = { reason: "LaunchFailed", message: "no", permanent: false, now: NOW } as const;
  for (let i = 1; i < MAX_LAUNCH_FAILURES; i++) {
    status = launchFailedStatus(status, failure);
    assert.equal(status.state, "Failed");
  }
  assert.equal(Date.parse(status.nextAttemptAt!) - NOW.getTime(), 60_000);
  assert.equal(launchFailedStatus(status, failure).state, "Stalled");
  assert.equal(launchFailedStatus(status, { ...failure, permanent: true }).state, "Stalled");
  const later = launchFailedStatus({ ...status, launchFailures: 1000 }, { ...failure, passing: true });
  assert.equal(later.state, "Failed", "what passes by itself is tried for ever");
  assert.ok(Date.parse(later.nextAttemptAt!) - NOW.getTime() <= 5 * 60_000);
});

const probed = makeService({ health: { liveness: { type: "tcp", port: 80 } } });
const planLive = (
  status: Partial<InstanceStatus>,
  health: InstanceView["health"],
  names = run("running").names,
) => planInstance(view(status, { service: probed, run: run("running", { names }), health: health! }));

Deno.test("planInstance() publishes names before it reports ready, and removes them before it reports not ready", () => {
  assert.equal(planLive({ ready: false }, { ready: true }, []).do, "publish");
  assert.equal(planLive({}, { ready: false, message: "no" }).do, "publish");
  const step = planLive({ ready: false }, { ready: true });
  assert.ok(step.do === "settle" && step.status.ready && step.status.readyAt === NOW.toISOString());
});

Deno.test("planInstance() keeps the last known readiness until a check has answered", () => {
  const known = planLive({ ready: true }, {});
  assert.ok(known.do === "settle" && known.status.ready);
  const fresh = planLive({ state: "Starting", ready: false }, {}, []);
  assert.ok(fresh.do === "settle" && !fresh.status.ready && fresh.status.state === "Running");
});

Deno.test("planInstance() distinguishes an instance that was ready from one that never was", () => {
  const verdict = { ready: false, message: "its readiness check failed" };
  const was = planLive({ readyAt: ago(60) }, verdict, []);
  assert.ok(was.do === "settle" && was.status.state === "Unhealthy" && was.status.reason === "Unhealthy");
  const never = planLive({ ready: false }, verdict, []);
  assert.ok(never.do === "settle" && never.status.state === "Running" && never.status.reason === "Unhealthy");
});

Deno.test("planInstance() condemns an instance that fails its liveness check, kills it, and counts its end as Unhealthy", () => {
  const condemned = planLive({}, { ready: false, dead: "its liveness check failed" });
  assert.ok(condemned.do === "settle" && condemned.status.condemned?.run === 1);
  assert.deepEqual(planLive({ condemned: { run: 1, message: "m" } }, {}), { do: "kill", run: 1 });
  const after = planEnded(
    { state: "Unhealthy", condemned: { run: 1, message: "its liveness check failed" } },
    {
      exitCode: 0,
    },
    { restart: "on-failure" },
  );
  assert.deepEqual([after.status.reason, after.status.restarts, after.status.condemned], [
    "Unhealthy",
    1,
    undefined,
  ]);
});

Deno.test("planInstance() starts no writer of a volume that is being copied, but starts readers", () => {
  const copied = makeMounted({ copiedFor: "snapshot default/snap" });
  const waiting = planInstance(view(fresh, { service: mounting, mounts: [copied] }));
  assert.ok(waiting.do === "settle");
  assert.deepEqual([waiting.status.state, waiting.status.message], [
    "Pending",
    "volume default/data is being copied for snapshot default/snap",
  ]);
  const reader = { ...copied, mount: { ...mount, readOnly: true } };
  assert.deepEqual(planInstance(view(fresh, { service: mounting, mounts: [reader] })), {
    do: "launch",
    run: 1,
  });
});

Deno.test("planInstance() treats a paused run as running", () => {
  const paused = run("running", { paused: true });
  const step = planInstance(view({}, { service: mounting, mounts: [makeMounted()], run: paused }));
  assert.deepEqual([step.do, step.do === "settle" && step.status.state], ["settle", "Running"]);
});

Deno.test("planInstance() reports a run that someone else paused, removes its names, and counts its checks", () => {
  const holding = run("running", { paused: true, names: [] });
  const step = planInstance(view({}, { run: holding, paused: true }));
  assert.ok(step.do === "settle");
  assert.deepEqual([step.status.state, step.status.ready, step.status.reason], ["Paused", false, "Paused"]);
  assert.match(step.status.message!, /it is paused by somebody else; let it go on with docker unpause/);
  const named = planInstance(view({}, { run: run("running", { paused: true }), paused: true }));
  assert.ok(named.do === "publish" && !named.then.ready && named.then.state === "Paused");
  const dead = { ready: false, dead: "its liveness check failed" };
  const condemned = planInstance(view({}, { run: holding, paused: true, health: dead }));
  assert.ok(condemned.do === "settle" && condemned.status.condemned?.run === 1);
  const ended = planInstance(
    view({ state: "Paused", ready: false }, { run: run("exited", { exitCode: 1 }) }),
  );
  assert.ok(ended.do === "settle" && ended.status.crashes === 1);
});

Deno.test("planInstance() distinguishes a program that put itself in the background from a crash", () => {
  const left = planEnded({}, { exitCode: 0, leftBehind: 2 });
  assert.equal(left.status.reason, "InBackground");
  assert.match(
    left.status.message!,
    /it left 2 processes behind, which were ended: run it in the foreground/,
  );
  assert.equal(planEnded({}, { exitCode: 1, leftBehind: 2 }).status.reason, undefined, "a crash");
  assert.match(
    planEnded({}, { exitCode: 0 }).status.message!,
    /a job says restart: never, a server runs in the foreground/,
  );
  const job = planEnded({}, { exitCode: 0, leftBehind: 1 }, { restart: "on-failure" });
  assert.deepEqual([job.status.state, job.event?.type], ["Completed", "Warning"]);
  assert.match(
    planEnded({}, { exitCode: undefined, error: "no room" }).status.message!,
    /it could not be run: no room/,
  );
});

Deno.test("planInstance() makes an instance that ended just before an outage wait for its dependencies again", () => {
  const failure = (at: string) => ({ at, reason: "LaunchFailed", message: "m" }) as const;
  const status = (at: string) => ({ state: "Failed", ready: false, lastFailure: failure(at) }) as const;
  const fallen = planInstance(view(status(ago(5)), { run: run("exited"), firstLook: true }));
  assert.ok(fallen.do === "settle" && fallen.status.awaitsSince === NOW.toISOString());
  assert.equal(planInstance(view(status(ago(5)), { run: run("exited") })).do, "launch", "a crash of its own");
  assert.equal(planInstance(view(status(ago(90)), { run: run("exited"), firstLook: true })).do, "launch");
});
