import assert from "node:assert/strict";
import { createClient } from "../client/client.ts";
import { anInstance, type Answer, aService, aVolume, eventStream, withDaemon } from "../daemon_fixture.ts";
import { createProgress } from "../terminal/progress.ts";
import { settle, settleFailure } from "./settle.ts";
import { fakeTerminal } from "../terminal_fixture.ts";
import type { Goal } from "./goal.ts";

const goal = (kind: Goal["kind"], name: string): Goal => ({
  kind,
  namespace: "default",
  name,
  generation: 1,
});

/** A daemon that streams these resources of each collection, then stays silent. */
const streamCollections = (collections: Record<string, object[]>): Answer => (_, url) => {
  const resources = collections[url.pathname.split("/").at(-1)!] ?? [];
  const [first, ...later] = resources;
  const put = (resource: object, id?: number) => ({
    event: "put",
    id,
    data: { type: "put", revision: id ?? 1, resource },
  });
  return eventStream([
    ...(first ? [put(first)] : []),
    { event: "sync", id: 1, data: { type: "sync", revision: 1 } },
    ...later.map((resource, i) => put(resource, i + 2)),
  ], { hold: true });
};

async function settleWith(
  answer: Answer,
  goals: Goal[],
  options: { timeoutMs?: number; healingMs?: number; signal?: AbortSignal } = {},
) {
  const terminal = fakeTerminal();
  let settled: Awaited<ReturnType<typeof settle>> = [];
  await withDaemon(answer, async (server) => {
    settled = await settle(createClient(server), goals, {
      progress: createProgress(terminal),
      timeoutMs: 5_000,
      signal: new AbortController().signal,
      ...options,
    });
  });
  return { settled, stderr: terminal.stderr() };
}

Deno.test("settle() watches services and volumes until all reach their goals", async () => {
  const pending = aService("web", { status: { state: "Pending", ready: 0 } });
  const { settled, stderr } = await settleWith(
    streamCollections({
      services: [pending, aService("web")],
      volumes: [aVolume("data", { state: "Bound" })],
    }),
    [goal("volume", "data"), goal("service", "web")],
  );
  assert.deepEqual(settled.map((s) => s.verdict.text), ["Bound", "Running, 1/1 ready"]);
  assert.match(
    stderr,
    /service default\/web: Pending, 0\/1 ready\n(.*\n)*service default\/web: Running, 1\/1/,
  );
  assert.equal(settleFailure(settled, "cast"), undefined);
});

Deno.test("settle() accepts a service that has just started once it has not crashed at once", async () => {
  const makeStarted = () => anInstance("web", 0, { status: { startedAt: new Date().toISOString() } });
  const crashed = anInstance("web", 0, { status: { state: "Failed", ready: false, crashes: 3 } });
  const services = [aService("web")];
  const calm = await settleWith(streamCollections({ services, instances: [makeStarted()] }), [
    goal("service", "web"),
  ]);
  assert.equal(calm.settled[0]!.verdict.state, "done");
  const answer = streamCollections({ services, instances: [makeStarted(), crashed] });
  const { settled } = await settleWith(answer, [goal("service", "web")], { healingMs: 30 });
  assert.equal(settled[0]!.verdict.state, "failed");
});

Deno.test("settle() gives up on a failure that lasts", async () => {
  const failed = aService("web", { status: { state: "Failed", ready: 0, message: "no image" } });
  const { settled } = await settleWith(streamCollections({ services: [failed] }), [goal("service", "web")], {
    healingMs: 30,
  });
  const error = settleFailure(settled, "cast")!;
  assert.equal(error.code, "internal");
  assert.match(error.message, /cast failed: service default\/web: Failed: no image/);
  assert.match(error.hint!, /rune describe service web -n default/);
});

Deno.test("settle() does not give up on a failure that heals", async () => {
  const failed = aService("web", { status: { state: "Failed", ready: 0 } });
  const { settled } = await settleWith(
    streamCollections({ services: [failed, aService("web")] }),
    [goal("service", "web")],
  );
  assert.equal(settled[0]!.verdict.state, "done");
});

Deno.test("settle() ends with the late goals when the time is up", async () => {
  const pending = aVolume("data", { state: "Provisioning" });
  const goals = [goal("volume", "data")];
  const { settled } = await settleWith(streamCollections({ volumes: [pending] }), goals, { timeoutMs: 50 });
  const error = settleFailure(settled, "cast")!;
  assert.equal(error.code, "deadline_exceeded");
  assert.match(error.message, /volume default\/data: Provisioning/);
});

Deno.test("settle() ends with the reason of its signal", async () => {
  const stop = new AbortController();
  const answer: Answer = () => {
    queueMicrotask(() => stop.abort(new Error("told to stop")));
    return eventStream([], { hold: true });
  };
  const late = { signal: stop.signal };
  await assert.rejects(settleWith(answer, [goal("service", "web")], late), /told to stop/);
});

Deno.test("settleFailure() reports an overtaken wait as a conflict, but as a failure beside another failure", async () => {
  const services = [aService("web", { generation: 2, status: { observedGeneration: 2 } })];
  const { settled } = await settleWith(streamCollections({ services }), [goal("service", "web")]);
  const error = settleFailure(settled, "cast")!;
  assert.deepEqual([error.code, error.message], [
    "conflict",
    "cast did not finish: service default/web: overtaken by generation 2",
  ]);
  const both = [...settled, {
    goal: goal("service", "api"),
    verdict: { state: "failed", text: "no" } as const,
  }];
  assert.equal(settleFailure(both, "cast")!.code, "internal");
});

Deno.test("settleFailure() points to logs only if something ran", async () => {
  const makeLost = (status: object) =>
    settleWith(
      streamCollections({
        services: [aService("web", { status: { state: "Failed", ready: 0 } })],
        instances: [anInstance("web", 0, { status: { state: "Stalled", ready: false, ...status } })],
      }),
      [goal("service", "web")],
    );
  assert.match(settleFailure((await makeLost({})).settled, "cast")!.hint!, /rune logs web/);
  const { settled } = await makeLost({ startedAt: undefined });
  assert.doesNotMatch(settleFailure(settled, "cast")!.hint!, /rune logs/);
});
