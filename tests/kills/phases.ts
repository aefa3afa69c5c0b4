/**
 * Aimed kills: the daemon dies while the stored state shows a certain phase of its work. The remains show
 * whether it did; a kill that came too early or too late is repeated.
 * @module
 */
import { sleep } from "../../base/delay.ts";
import assert from "node:assert/strict";
import { type Host, until } from "../host.ts";
import { findLeaks } from "../leaks.ts";
import { CROWD, crowdMember } from "./castings.ts";
import { Model, type Operation } from "./model.ts";
import { put, putRestored, putService, putSnapshot, putSpare, remove, undeleteSpare } from "./operations.ts";
import { Copies, isSettled, type Look, look, lookAtDeath, type Seen, send, versions } from "./world.ts";

/** Kills per hit; a phase of a few milliseconds is sometimes missed. */
const MOST_TRIES = 40;
/** A range smaller than this, in milliseconds, has missed a phase that moves: start over. */
const LEAST_RANGE_MS = 0.5;
/** How many resources go through a short phase together. */
const MANY = ["p0", "p1", "p2", "p3", "p4", "p5"];

/** Builds the operations of a phase. Everything that a phase casts carries a new version. */
interface Making {
  marker: string;
  version: string;
}

interface Phase {
  name: string;
  /** Requests, one after another, after which the phase can begin. */
  before?(making: Making): Operation[];
  /** Requests, all at once, that lead through the phase. */
  begin(making: Making): Operation[];
  /** Whether a state shows the phase. */
  shows(look: Look): boolean;
  /** The longest delay of the kill after the phase was seen, initially: about as long as the phase lasts. */
  withinMs: number;
  /** A volume that is created first, and whose data must exist in the end. */
  data?: string;
  /**
   * For phases too short to be seen from outside: time counts from the requests. Tells whether a kill came
   * before the phase.
   */
  isEarly?(look: Look, version: string): boolean;
}

const of = (list: Seen[], service: string) => list.filter((i) => i.spec.service === service);
const state = (list: Seen[], ...states: string[]) => list.some(({ status }) => states.includes(status.state));
const areLeaving = (list: Seen[]) => list.some((r) => r.deletionRequestedAt !== undefined);
const findNamed = (list: Seen[], name: string) => list.filter((r) => r.name === name);
const isHalfWay = ({ services }: Look, name: string) =>
  findNamed(services, name).some(({ status, generation, spec }) =>
    status.observedGeneration === generation && status.updated > 0 && status.updated < spec.scale
  );
const putVolume = (name: string, version: string) =>
  put("volumes", name, { version, size: "1Gi", accessMode: "ReadWriteOnce", reclaimPolicy: "delete" });
const roll = (name: "front" | "many" | "web", making: Making) =>
  putService(name, { ...making, scale: 2, update: { strategy: "rolling", maxUnavailable: 1 } });
const castCrowd = ({ version }: Making): Operation => ({
  what: "cast a crowd",
  method: "POST",
  path: "/v1/cast",
  body: { resources: CROWD.map((name) => crowdMember(name, version)) },
  changes: Object.fromEntries(CROWD.map((name) => [`services/${name}`, version])),
});
/** A new snapshot name. */
const freshName = ({ version }: Making) => `s-${version}`;

const PHASES: Phase[] = [
  {
    name: "cast: stored, but not processed yet",
    begin: (making) => [castCrowd(making)],
    shows: ({ services }) =>
      services.some(({ name, generation, status }) =>
        CROWD.includes(name) && status.observedGeneration !== generation
      ),
    withinMs: 80,
    isEarly: ({ services }, version) =>
      !services.some(({ name, labels }) => CROWD.includes(name) && labels.version === version),
  },
  {
    name: "provision: volumes are being made",
    before: () => MANY.map((name) => remove("volumes", name)),
    begin: ({ version }) => MANY.map((name) => putVolume(name, version)),
    shows: ({ volumes }) => state(volumes.filter((v) => MANY.includes(v.name)), "Provisioning"),
    withinMs: 60,
    isEarly: ({ volumes }) => volumes.every((v) => !MANY.includes(v.name) || v.status.state === "Pending"),
  },
  {
    name: "rollout, start first: a container is starting",
    begin: (making) => [roll("front", making)],
    shows: ({ instances }) => state(of(instances, "front"), "Starting"),
    withinMs: 200,
  },
  {
    name: "rollout, start first: one of two is new",
    begin: (making) => [roll("front", making)],
    shows: (seen) => isHalfWay(seen, "front"),
    withinMs: 300,
  },
  {
    name: "rollout, start first: a container is stopping",
    begin: (making) => [roll("front", making)],
    shows: ({ instances }) => state(of(instances, "front"), "Stopping"),
    withinMs: 100,
  },
  {
    name: "rollout, start first: a process is stopping",
    begin: (making) => [roll("many", making)],
    shows: ({ instances }) => state(of(instances, "many"), "Stopping"),
    withinMs: 20,
  },
  {
    name: "rollout, start first: a process is starting",
    begin: (making) => [roll("many", making)],
    shows: ({ instances }) => state(of(instances, "many"), "Starting"),
    withinMs: 20,
  },
  {
    name: "rollout, stop first: a container is stopping, its lease still taken",
    begin: (making) => [roll("web", making)],
    shows: ({ instances }) => state(of(instances, "web"), "Stopping"),
    withinMs: 200,
  },
  {
    name: "rollout, stop first: one of two is new",
    begin: (making) => [roll("web", making)],
    shows: (seen) => isHalfWay(seen, "web"),
    withinMs: 300,
  },
  {
    name: "snapshot: the writer is paused, the copy is in progress",
    begin: (making) => [putSnapshot(freshName(making), making.version)],
    shows: ({ snapshots }) => snapshots.some(({ status }) => status.copying && status.paused?.length > 0),
    withinMs: 60,
  },
  {
    name: "snapshot: the writer runs again, the copy is not yet durable",
    begin: (making) => [putSnapshot(freshName(making), making.version)],
    shows: ({ snapshots }) =>
      snapshots.some(({ status }) => status.state === "Creating" && status.takenAt && !status.copying),
    withinMs: 10,
  },
  {
    name: "restore: a volume is being filled",
    before: ({ version }) => [remove("volumes", "r"), putSnapshot("s-kept", version)],
    begin: ({ version }) => [putRestored("r", { snapshot: "s-kept", version })],
    shows: ({ volumes }) => state(volumes.filter((v) => v.spec.source !== undefined), "Provisioning"),
    withinMs: 60,
  },
  {
    name: "delete: a snapshot's copy is being removed",
    before: (making) => [putSnapshot(freshName(making), making.version)],
    begin: (making) => [remove("snapshots", freshName(making))],
    shows: ({ snapshots }) => areLeaving(snapshots),
    withinMs: 15,
  },
  {
    name: "delete: volumes go into the trash",
    before: ({ version }) => MANY.map((name) => putVolume(name, version)),
    begin: () => MANY.map((name) => remove("volumes", name)),
    shows: ({ volumes }) => areLeaving(volumes.filter((v) => MANY.includes(v.name))),
    withinMs: 10,
  },
  {
    name: "undelete: a volume comes out of the trash",
    before: ({ version }) => [putSpare(version), remove("volumes", "spare")],
    begin: () => [undeleteSpare],
    data: "spare",
    shows: ({ volumes }) => findNamed(volumes, "spare").some(({ status }) => status.handle === undefined),
    withinMs: 4,
  },
  {
    name: "delete: a service stops",
    before: (making) => [roll("web", making)],
    begin: () => [remove("services", "web", "?cascade=true")],
    shows: ({ services }) => areLeaving(findNamed(services, "web")),
    withinMs: 100,
  },
  {
    name: "delete: the volumes of a service go with it",
    before: (making) => [roll("web", making)],
    begin: () => [remove("services", "web", "?cascade=true")],
    shows: ({ volumes }) => areLeaving(volumes.filter((v) => v.status.ownerService === "web")),
    withinMs: 5,
  },
];

/** What a run of all phases works with. */
interface Run {
  host: Host;
  marker: string;
  random: () => number;
  model: Model;
  copies: Copies;
}

/** Kills the daemon in every phase, `times` each. @throws {Error} naming a phase that was never hit. */
export async function hitEveryPhase(
  host: Host,
  { random, marker, times }: { random: () => number; marker: string; times: number },
): Promise<void> {
  const run: Run = { host, marker, random, model: new Model(), copies: new Copies() };
  const making = { marker, version: "v0" };
  const base = [putService("scribe", making), roll("front", making), roll("web", making)];
  await inTurn(run, base);
  let n = 0;
  for (const phase of PHASES) {
    let [hits, deaths] = [0, 0];
    let range = { from: 0, to: phase.withinMs };
    while (hits < times) {
      assert.ok(deaths < MOST_TRIES * times, `"${phase.name}" was hit ${hits} times in ${deaths} deaths`);
      const afterMs = range.from + random() * (range.to - range.from);
      const met = await aim(phase, { ...making, version: `v${++n}` }, { ...run, afterMs });
      if (met !== undefined) deaths++;
      if (met === "hit") hits++;
      // Durations depend on the machine's load: each kill tells where to aim next.
      if (met === "early") range.from = afterMs;
      if (met === "late") range.to = afterMs;
      if (met === "hit" || range.to - range.from < LEAST_RANGE_MS) range = { from: 0, to: phase.withinMs };
    }
    console.log(`${phase.name}: hit ${hits} times in ${deaths} deaths`);
  }
}

/** Sends requests one by one, each after the effect of the one before. */
async function inTurn(run: Run, operations: Operation[]): Promise<void> {
  for (const operation of operations) await ask(operation, run);
  await waitUntilSettled(run);
}

async function ask(operation: Operation, { host, model }: Run): Promise<void> {
  const answered = model.noteSent(operation);
  const answer = await send(host, operation);
  answered(answer?.ok);
  // There may be nothing to delete.
  const ok = answer === undefined || answer.ok || operation.method === "DELETE";
  assert.ok(ok, `${operation.what}: ${answer?.text}`);
}

async function waitUntilSettled({ host }: Run): Promise<Look> {
  let last: Look | undefined;
  return await until("nothing is under way", async () => isSettled(last = await look(host)) && last)
    .catch((error) => {
      throw new Error(`${error.message}: ${JSON.stringify(last, null, 1)}`);
    });
}

/** One kill. @returns its time relative to the phase; undefined if the phase was over before it was seen. */
async function aim(
  phase: Phase,
  making: Making,
  run: Run & { afterMs: number },
): Promise<"early" | "hit" | "late" | undefined> {
  const { host, model, copies, afterMs } = run;
  const data = phase.data && `${host.dataDir}/volumes/default/${phase.data}/${making.version}`;
  for (const [i, operation] of (phase.before?.(making) ?? []).entries()) {
    await ask(operation, run);
    await waitUntilSettled(run);
    if (data && i === 0) await Deno.writeTextFile(data, making.version);
  }
  let answered = false;
  const answers = Promise.all(phase.begin(making).map((operation) => ask(operation, run)))
    .then(() => answered = true);
  while (!phase.isEarly) {
    const over = answered;
    const now = await look(host);
    if (phase.shows(now)) break;
    if (over && isSettled(now)) return undefined;
  }
  await sleep(afterMs);
  await host.daemon.stop("SIGKILL");
  await answers;
  const left = await lookAtDeath(host);
  const met = phase.shows(left) ? "hit" : phase.isEarly?.(left, making.version) ? "early" : "late";
  await host.restart();
  model.settle(await versions(host));
  // Records what exists now, for the search for leaks at the end.
  await findLeaks(host);
  await copies.check(await waitUntilSettled(run));
  if (data) assert.equal(await Deno.readTextFile(data), making.version);
  return met;
}
