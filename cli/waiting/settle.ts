/** Watches services, volumes and snapshots until they reach their goals, and shows the progress. @module */
import { startTimer } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";
import { describeKey } from "../../model/kinds.ts";
import type { Instance } from "../../model/instance.ts";
import type { Kind } from "../../model/resource.ts";
import type { Service } from "../../model/service.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Volume } from "../../model/volume.ts";
import { watchResources } from "../client/api.ts";
import type { Client } from "../client/client.ts";
import type { Progress } from "../terminal/progress.ts";
import { FRESH_MS, type Goal, type Verdict } from "./goal.ts";
import { judgeService, judgeSnapshot, judgeVolume } from "./verdict.ts";

/** How long a failure that may heal must last to count, in milliseconds. */
const HEALING_MS = 10_000;

/** Changes within this time are handled together, in milliseconds: a replacement consists of several. */
const BATCH_MS = 20;
/** How often to check conditions that depend only on time, in milliseconds. */
const RECHECK_MS = 100;

/** Options of {@linkcode settle}. */
export interface SettleOptions {
  progress: Progress;
  timeoutMs: number;
  /** Aborts the wait; its reason is thrown. */
  signal: AbortSignal;
  /** Default: 10 s. */
  healingMs?: number;
}

/** How a goal ended; `waiting` if the time ran out first. */
export interface Settled {
  goal: Goal;
  verdict: Verdict;
  /** Something of it ran, so its log may explain the failure. */
  ran?: boolean;
}

/** `service default/web`: the key of a progress line. */
const goalTitle = (goal: Goal): string => `${goal.kind} ${describeKey(goal)}`;

type Watched = Service | Volume | Snapshot | Instance;
type WatchedKind = Watched["kind"];

interface Seen {
  service: Map<string, Service>;
  volume: Map<string, Volume>;
  snapshot: Map<string, Snapshot>;
  /** By service, then by name: a renamed service appears with its new name before the old name goes. */
  instance: Map<string, Map<string, Instance>>;
}

function judge(goal: Goal, seen: Seen): Verdict {
  const key = describeKey(goal);
  if (goal.kind === "snapshot") return judgeSnapshot(seen.snapshot.get(key));
  return goal.kind === "volume" ? judgeVolume(goal, seen.volume.get(key)) : judgeService(goal, {
    service: seen.service.get(key),
    instances: [...seen.instance.get(key)?.values() ?? []],
    volumes: [...seen.volume.values()],
    now: Date.now(),
  });
}

function remember(seen: Seen, type: "put" | "delete", resource: Watched): void {
  if (resource.kind === "instance") {
    const key = describeKey({ namespace: resource.namespace, name: resource.spec.service });
    const siblings = seen.instance.get(key) ?? new Map<string, Instance>();
    seen.instance.set(key, siblings);
    if (type === "put") siblings.set(resource.name, resource);
    else siblings.delete(resource.name);
    return;
  }
  const map: Map<string, Service | Volume | Snapshot> = seen[resource.kind];
  if (type === "put") map.set(describeKey(resource), resource);
  else map.delete(describeKey(resource));
}

/** What to watch: services need their instances, and the volumes that those wait for. */
function streamsOf(goals: Goal[]): { kind: WatchedKind; namespace: string }[] {
  const wanted = new Map<string, { kind: WatchedKind; namespace: string }>();
  for (const { kind, namespace } of goals) {
    for (
      const watched of kind === "service" ? (["service", "instance", "volume"] as const) : ([kind] as const)
    ) {
      wanted.set(`${watched} ${namespace}`, { kind: watched, namespace });
    }
  }
  return [...wanted.values()];
}

/**
 * Waits until every goal is done or has failed, or the time is up.
 *
 * @returns every goal in order, with its last verdict.
 * @throws {RuneError} if the daemon stays away. Also throws the reason of `signal` when it aborts.
 */
export async function settle(client: Client, goals: Goal[], options: SettleOptions): Promise<Settled[]> {
  const { progress, signal, healingMs = HEALING_MS } = options;
  const seen: Seen = { service: new Map(), volume: new Map(), snapshot: new Map(), instance: new Map() };
  const states = goals.map((goal) => ({
    goal,
    verdict: { state: "waiting", text: "Pending" } as Verdict,
    /** Since when the verdict has been in this state. */
    since: 0,
  }));
  if (states.length === 0) return [];
  const ended = Promise.withResolvers<void>();
  const stop = new AbortController();
  const streams = streamsOf(goals);
  let unsynced = streams.length;

  let soon: ReturnType<typeof setTimeout> | undefined;
  const evaluate = () => {
    if (unsynced > 0) return;
    const now = performance.now();
    for (const state of states) {
      const verdict = judge(state.goal, seen);
      if (verdict.state !== state.verdict.state) state.since = now;
      state.verdict = verdict;
      progress.update(goalTitle(state.goal), state.verdict.text);
    }
    const over = states.every(({ verdict, since }) =>
      verdict.state === "done" && (!verdict.fresh || now - since >= FRESH_MS) ||
      verdict.state === "failed" && now - since >= healsWithin(verdict, healingMs)
    );
    if (over) ended.resolve();
  };
  const follow = async ({ kind, namespace }: { kind: Kind; namespace: string }) => {
    for await (const change of watchResources(client, { kind, scope: { namespace }, signal: stop.signal })) {
      if (change.type === "sync") {
        unsynced--;
        evaluate();
        continue;
      }
      remember(seen, change.type, change.resource as Watched);
      soon ??= setTimeout(() => {
        soon = undefined;
        evaluate();
      }, BATCH_MS);
    }
  };

  const timeout = startTimer(options.timeoutMs, () => ended.resolve());
  const recheck = setInterval(evaluate, Math.min(RECHECK_MS, healingMs));
  const abort = () => ended.reject(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  const followers = streams.map((stream) => follow(stream).catch((error) => ended.reject(error)));
  try {
    await ended.promise;
  } finally {
    timeout.clear();
    clearInterval(recheck);
    signal.removeEventListener("abort", abort);
    stop.abort();
    await Promise.all(followers);
    clearTimeout(soon);
    progress.end();
  }
  // If nothing ran, the log does not help.
  const hasRun = (goal: Goal) =>
    [...seen.instance.get(describeKey(goal))?.values() ?? []].some(({ status: { startedAt, lastFailure } }) =>
      startedAt !== undefined && (lastFailure === undefined || lastFailure.logs !== undefined)
    );
  return states.map(({ goal, verdict }) => ({ goal, verdict, ran: goal.kind === "service" && hasRun(goal) }));
}

/** How long a failure must last to count, in milliseconds. */
function healsWithin({ mayHeal, mayBeOld }: Verdict, healingMs: number): number {
  if (mayHeal) return healingMs;
  return mayBeOld ? Math.min(FRESH_MS, healingMs) : 0;
}

/**
 * The error of a wait, or undefined if everything is done.
 *
 * @param what the request, in one word: `cast`.
 */
export function settleFailure(settled: Settled[], what: string): RuneError | undefined {
  const failures = settled.filter(({ verdict }) => verdict.state === "failed");
  const late = settled.filter(({ verdict }) => verdict.state === "waiting");
  const list = (some: Settled[]) =>
    some.map(({ goal, verdict }) => `${goalTitle(goal)}: ${verdict.text}`).join("; ");
  const told = failures[0] ?? late[0];
  if (!told) return undefined;
  const { goal: first, ran = true } = told;
  const hint = `see why: rune describe ${first.kind} ${first.name} -n ${first.namespace}` +
    (first.kind === "service" && ran ? `, and rune logs ${first.name} -n ${first.namespace}` : "");
  if (failures.length > 0 && failures.every(({ verdict }) => verdict.overtaken)) {
    return new RuneError("conflict", `${what} did not finish: ${list(failures)}`, {
      hint:
        `somebody requested another change meanwhile; see: rune history ${first.name} -n ${first.namespace}`,
    });
  }
  if (failures.length > 0) {
    return new RuneError("internal", `${what} failed: ${list(failures)}`, { hint });
  }
  return new RuneError(
    "deadline_exceeded",
    `${what} did not finish in time; Rune keeps trying: ${list(late)}`,
    { hint },
  );
}
