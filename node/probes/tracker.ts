/** Adds up the results of probes to a verdict. Pure. @module */
import type { Probe } from "../../model/health.ts";

/** The result of one attempt. */
export interface ProbeAnswer {
  ok: boolean;
  /** The result in words: `HTTP 503`, `connection refused`. */
  message: string;
  /** Whether there was no answer in time. */
  late?: true;
}

/** The state of one probe of a run. */
export interface ProbeState {
  /** Whether the probe passes. Absent until a threshold is reached. */
  passing?: boolean;
  /** In a row. */
  successes: number;
  failures: number;
  last?: ProbeAnswer & { at: string };
}

/** The state before the first attempt. */
export const UNASKED: ProbeState = { successes: 0, failures: 0 };

/** The state after another result. */
export function afterAnswer(
  state: ProbeState,
  { answer, at, probe }: {
    answer: ProbeAnswer;
    at: string;
    probe: Pick<Probe, "failureThreshold" | "successThreshold">;
  },
): ProbeState {
  const successes = answer.ok ? state.successes + 1 : 0;
  const failures = answer.ok ? 0 : state.failures + 1;
  const passing = successes >= probe.successThreshold
    ? true
    : failures >= probe.failureThreshold
    ? false
    : state.passing;
  return { successes, failures, last: { ...answer, at }, ...(passing !== undefined && { passing }) };
}

/** The verdict of a run's probes. */
export interface HealthVerdict {
  /** Whether the run is ready. Absent until it is known. */
  ready?: boolean;
  /** Why it is not ready. */
  message?: string;
  /** Why the run must be replaced: its liveness check failed, or it did not start up. */
  dead?: string;
  /** Whether its startup check has passed. */
  startedUp?: true;
}

/**
 * Combines the probes of a run. Without a readiness probe, liveness decides readiness; without either, the
 * startup probe does. Until the startup probe has passed, the others do not count.
 */
export function verdictOf(
  states: { startup?: ProbeState; liveness?: ProbeState; readiness?: ProbeState },
): HealthVerdict {
  const { startup, liveness, readiness } = states;
  const describeFailure = (name: string, { failures, last }: ProbeState) =>
    `its ${name} check failed ${failures === 1 ? "once" : `${failures} times in a row`}: ${last?.message}`;
  if (startup && startup.passing !== true) {
    return startup.passing === false ? { ready: false, dead: describeFailure("startup", startup) } : {};
  }
  const deciding = readiness ?? liveness ?? startup;
  const check = readiness ? "readiness" : "liveness";
  return {
    ...(startup && { startedUp: true as const }),
    ...(deciding?.passing !== undefined && { ready: deciding.passing && liveness?.passing !== false }),
    ...(deciding?.passing === false && { message: describeFailure(check, deciding) }),
    ...(liveness?.passing === false && { dead: describeFailure("liveness", liveness) }),
  };
}
