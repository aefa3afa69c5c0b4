/**
 * Finds leftovers that no controller owns: runs whose instance is gone, runs older than those kept, and lease
 * holders that do not exist. Releasing such a holder frees a volume bound to a removed instance. The sweep
 * only acts on proof.
 * @module
 */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { RunState } from "../../runners/runner.ts";
import type { Instance, RunnerName } from "../../model/instance.ts";
import type { Lease, LeaseHolder } from "../../model/lease.ts";
import type { Store } from "../../store/store.ts";
import { type Clock, elapsedMs, type Moment } from "../../base/clock.ts";
import { type Happening, recordEvent } from "../events.ts";
import { holderWithin, releaseHolder } from "../leases.ts";

/**
 * How many runs of an instance are always kept: the current one and, for `logs --previous`, the one before.
 */
const KEPT_RUNS = 2;
/** Failed runs kept for inspection: at most this many per service, for this long. */
const KEPT_FAILURES = { most: 3, ms: 60 * 60_000 };

/** The plan of a sweep. */
export interface SweepPlan {
  /** Runs to stop and remove. */
  runs: RunState[];
  /**
   * Old runs that someone started again although their instance has a newer run. Both may write the same
   * data.
   */
  strays: { run: RunState; instance: Instance }[];
  /** Lease holders that are known to be gone. */
  holders: { lease: Lease; holder: LeaseHolder }[];
}

/**
 * Plans what to remove. `runs` are all runs that the runners listed; `complete` is false if a runner was
 * unreachable.
 */
export function planSweep(
  view: { runs: RunState[]; complete: boolean; instances: Instance[]; leases: Lease[]; now: Moment },
): SweepPlan {
  const instances = new Map(view.instances.map((i) => [i.uid, i]));
  const kept = keptFailures(view.runs.filter((run) => instances.has(run.instanceUid)), view.now);
  const runs = view.runs.filter((run) => {
    const instance = instances.get(run.instanceUid);
    return !instance || (run.run <= instance.status.run - KEPT_RUNS && !kept.has(run));
  });
  const strays = view.runs.flatMap((run) => {
    const instance = instances.get(run.instanceUid);
    return instance && run.state === "running" && run.run < instance.status.run ? [{ run, instance }] : [];
  });
  const alive = new Set(
    view.runs.filter((r) => r.state !== "absent").map((r) => r.instanceUid),
  );
  const holders = !view.complete ? [] : view.leases.flatMap((lease) =>
    lease.spec.holders
      .filter((holder) => !instances.has(holder.instanceUid) && !alive.has(holder.instanceUid))
      .map((holder) => ({ lease, holder }))
  );
  return { runs: runs.filter((run) => !strays.some((s) => s.run === run)), strays, holders };
}

/** The failed runs to keep for inspection: the latest of each service. */
function keptFailures(runs: RunState[], now: Moment): Set<RunState> {
  const failed = runs
    .filter((r) => r.state === "exited" && r.exitCode !== 0 && r.finishedAt !== undefined)
    .filter((r) => elapsedMs(r.finishedAt!, now) < KEPT_FAILURES.ms)
    .sort((a, b) => Date.parse(b.finishedAt!) - Date.parse(a.finishedAt!));
  const counts = new Map<string, number>();
  return new Set(failed.filter(({ namespace, service }) => {
    const key = `${namespace}/${service}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count <= KEPT_FAILURES.most;
  }));
}

/** The dependencies of a sweep. */
export interface SweepDeps {
  store: Store;
  runners: ReadonlyMap<RunnerName, NodeRunner>;
  clock: Clock;
}

/** How long an orphan may take to stop. */
const STOP_MS = 10_000;

/**
 * Sweeps all reachable runners once.
 *
 * @returns the number of runs and lease holders removed.
 */
export async function sweep({ store, runners, clock }: SweepDeps, signal: AbortSignal): Promise<number> {
  const listed = await Promise.allSettled([...runners.values()].map((r) => listRuns(r, signal)));
  const found = listed.flatMap((l) => l.status === "fulfilled" ? l.value : []);
  const plan = planSweep({
    runs: found.map((f) => f.state),
    complete: listed.every((l) => l.status === "fulfilled"),
    // Read the store after listing: a new instance records its run before the run exists.
    instances: store.list("instance"),
    leases: store.list("lease"),
    now: clock.now(),
  });
  const runnerOf = new Map(found.map((f) => [f.state, f.runner]));
  let ended = 0;
  for (const { run, instance } of plan.strays) {
    const runner = runnerOf.get(run)!;
    // It may have been the current run when it was listed, and have ended since.
    if ((await runner.inspect(run, signal)).state !== "running") continue;
    await runner.stop(run, { timeoutMs: 0, signal });
    await runner.remove(run, signal);
    await store.transact((tx) => recordEvent(tx, strayEnded(run, instance)));
    ended++;
  }
  for (const run of plan.runs) {
    const runner = runnerOf.get(run)!;
    await runner.stop(run, { timeoutMs: STOP_MS, signal });
    await runner.remove(run, signal);
  }
  if (plan.holders.length > 0) await releaseGone(store, plan);
  return plan.runs.length + ended + plan.holders.length;
}

function strayEnded(run: RunState, instance: Instance): Happening {
  return {
    namespace: instance.namespace,
    object: instance,
    type: "Warning",
    reason: "StrayRun",
    message:
      `run ${run.run} was started again by somebody else beside run ${instance.status.run}, and was killed; ` +
      "use rune restart",
  };
}

async function listRuns(runner: NodeRunner, signal: AbortSignal) {
  return (await runner.list(signal)).map((state) => ({ runner, state }));
}

async function releaseGone(store: Store, { holders }: SweepPlan): Promise<void> {
  await store.transact((tx) => {
    for (const { lease, holder } of holders) {
      const now = tx.get("lease", lease.namespace, lease.name);
      if (!now?.spec.holders.some((h) => h.instanceUid === holder.instanceUid)) continue;
      releaseHolder(tx, now, holder.instanceUid);
      const volume = tx.get("volume", lease.namespace, lease.name);
      if (!volume) continue;
      recordEvent(tx, {
        namespace: lease.namespace,
        object: volume,
        type: "Warning",
        reason: "StaleHolder",
        message: `${holderWithin(lease.namespace, holder)} held it and is gone; it is free again`,
      });
    }
  });
}
