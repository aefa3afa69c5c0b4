/**
 * Runs the probes of all instances: one loop for each probe, with state only in memory. It reports an
 * instance only when its verdict has changed; the instance's plan decides what follows. A loop ends with its
 * run.
 * @module
 */
import type { Runner, RunState } from "../../runners/runner.ts";
import type { ProbeReport } from "../../model/api.ts";
import { createKeyFeed } from "../../base/key_feed.ts";
import { sameValue } from "../../model/changes.ts";
import type { Probe } from "../../model/health.ts";
import { healthOf, type Instance, type RunnerName } from "../../model/instance.ts";
import { type Clock, elapsedMs } from "../../base/clock.ts";
import type { CheckName, ProbeObserver } from "../observer.ts";
import type { NodeProbes } from "../probes.ts";
import { askProbe, describeProbe, type ProbeTarget } from "./ask.ts";
import type { Pauses } from "./pauses.ts";
import { runProbe } from "./probe_loop.ts";
import { afterAnswer, type HealthVerdict, type ProbeState, UNASKED, verdictOf } from "./tracker.ts";

/** The address of processes, which run on the host. */
const LOOPBACK = "127.0.0.1";
const CHECKS: readonly CheckName[] = ["startup", "liveness", "readiness"];

/** The state of a startup check that passed under an earlier daemon. */
const PASSED: ProbeState = { ...UNASKED, passing: true };

/** The probes of a node, as their node has them. */
export interface Prober extends NodeProbes {
  /** Ends all probes, and resolves when none is in progress. */
  stop(): Promise<void>;
}

interface Watched {
  run: number;
  health: Instance["spec"]["template"]["health"];
  target: ProbeTarget;
  states: Partial<Record<CheckName, ProbeState>>;
  nextAt: Partial<Record<CheckName, number>>;
  verdict: HealthVerdict;
  abort: AbortController;
}

/** Creates a prober that probes nothing yet. */
export function createProber(
  { runners, pauses, clock, observer }: {
    runners: ReadonlyMap<RunnerName, Runner>;
    /** Must observe these runners. */
    pauses: Pauses;
    clock: Clock;
    observer?: ProbeObserver;
  },
): Prober {
  const watched = new Map<string, Watched>();
  const loops = new Set<Promise<void>>();
  const changes = createKeyFeed<string>();

  function start(instance: Instance, run: RunState): Watched {
    const { uid, spec: { template, runner }, status } = instance;
    const entry: Watched = {
      run: run.run,
      health: healthOf(instance),
      target: {
        ref: { instanceUid: uid, run: run.run },
        runner: runners.get(runner)!,
        host: undefined,
        portOf: (port) =>
          typeof port === "number" ? port : template.ports.find((p) => p.name === port)?.port ?? 0,
      },
      states: {},
      nextAt: {},
      verdict: {},
      abort: new AbortController(),
    };
    const startup = entry.health?.startup;
    if (!startup || status.startedUp === run.run) {
      if (startup) entry.states.startup = PASSED;
      askAll(["liveness", "readiness"], { entry, instance, run });
    } else askAll(["startup"], { entry, instance, run });
    entry.verdict = verdictOf(entry.states);
    return entry;
  }

  /** Starts those of these checks that the template has. */
  function askAll(
    checks: CheckName[],
    { entry, instance, run }: { entry: Watched; instance: Instance; run: RunState },
  ): void {
    const { status } = instance;
    for (const check of checks) {
      const probe = entry.health?.[check];
      if (!probe) continue;
      entry.states[check] = UNASKED;
      const ranMs = run.startedAt === undefined ? 0 : elapsedMs(run.startedAt, clock.now());
      const onPass = check !== "startup" ? undefined : () => {
        delete entry.nextAt.startup;
        askAll(["liveness", "readiness"], { entry, instance, run });
      };
      follow(check, { probe, entry, instance, ranMs, known: status.ready, onPass });
    }
  }

  function follow(
    check: CheckName,
    { probe, entry, instance, ranMs, known, onPass }: {
      probe: Probe;
      entry: Watched;
      instance: Instance;
      /** How long the run has been running. */
      ranMs: number;
      /** Whether it was ready before this daemon started, so that its probes keep their rhythm. */
      known: boolean;
      /** Called once when the check passes, which ends it. */
      onPass: (() => void) | undefined;
    },
  ): void {
    const intervalMs = probe.intervalSeconds * 1000;
    const now = performance.now();
    const begin = now - ranMs + probe.initialDelaySeconds * 1000;
    const { uid, namespace, spec: { service } } = instance;
    let seconds = 0;
    const passed = new AbortController();
    const loop = runProbe({
      intervalMs,
      firstAt: begin >= now ? begin : known ? now + (intervalMs - (now - begin) % intervalMs) : now,
      eager: probe.successThreshold === 1 && !known,
      async ask(signal) {
        const began = performance.now();
        const wasPaused = pauses.watch(entry.target.ref);
        const answer = await askProbe(probe, entry.target, signal);
        seconds = (performance.now() - began) / 1000;
        return answer && !answer.ok && wasPaused() ? undefined : answer;
      },
      onFault: reportError,
      onAnswer(answer) {
        const result = answer.ok ? "success" : answer.late ? "timeout" : "failure";
        observer?.countAnswer({ namespace, service, probe: check, result, seconds });
        const at = new Date().toISOString();
        entry.states[check] = afterAnswer(entry.states[check]!, { answer, at, probe });
        if (onPass && entry.states[check]?.passing) {
          passed.abort();
          onPass();
        }
        const verdict = verdictOf(entry.states);
        const { ready, dead, startedUp } = entry.verdict;
        const changed = verdict.ready !== ready || (verdict.dead === undefined) !== (dead === undefined) ||
          verdict.startedUp !== startedUp;
        if (!changed) return;
        entry.verdict = verdict;
        changes.add(uid);
      },
      onPlanned: (at) => void (entry.nextAt[check] = at),
      signal: AbortSignal.any([entry.abort.signal, passed.signal]),
    });
    loops.add(loop);
    void loop.catch(reportError).then(() => loops.delete(loop));
  }

  function forget(uid: string): void {
    watched.get(uid)?.abort.abort();
    watched.delete(uid);
  }

  return {
    changes: changes.listen,
    async watch(instance, { run }) {
      const { uid, spec: { runner } } = instance;
      const health = healthOf(instance);
      if (!CHECKS.some((check) => health?.[check])) return undefined;
      let entry = watched.get(uid);
      if (!entry || entry.run !== run.run || !sameValue(entry.health, health)) {
        forget(uid);
        entry = start(instance, run);
        watched.set(uid, entry);
      }
      entry.target.host = runner === "process" ? LOOPBACK : run.ip;
      return entry.verdict;
    },
    forget: async (uid) => forget(uid),
    async report(instance) {
      const entry = watched.get(instance.uid);
      return CHECKS.flatMap((check): ProbeReport[] => {
        const probe = healthOf(instance)?.[check];
        if (!probe) return [];
        const { passing, failures, successes, last } = entry?.states[check] ?? UNASKED;
        const next = entry?.nextAt[check];
        return [{
          instance: instance.name,
          check,
          target: describeProbe(probe),
          failures,
          successes,
          failureThreshold: probe.failureThreshold,
          successThreshold: probe.successThreshold,
          ...(passing !== undefined && { passing }),
          ...(last && { lastAt: last.at, message: last.message }),
          ...(next !== undefined &&
            { nextAt: new Date(Date.now() + next - performance.now()).toISOString() }),
        }];
      });
    },
    async stop() {
      for (const uid of [...watched.keys()]) forget(uid);
      await Promise.allSettled(loops);
    },
  };
}
