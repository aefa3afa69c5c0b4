/**
 * What the daemon counts and times, under the names that docs/operations.md lists. Each daemon has a registry
 * of its own; nothing here knows where a figure comes from.
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ReconcileObserver } from "../../reconcile/start.ts";
import type { FinishedCall } from "../../node/observer.ts";

/** Seconds; from a read in memory to a request that waits for a disk. */
export const FAST = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Seconds; from a directory made to an image pulled or a volume copied. */
const SLOW = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** An answered request. */
export interface AnsweredRequest {
  method: string;
  /** The pattern, not the path: names must not become label values. */
  route: string;
  code: number;
  seconds: number;
}

/** Where the daemon's parts report to. */
export interface Metrics {
  registry: Registry;
  request(request: AnsweredRequest): void;
  reconcile: ReconcileObserver;
  driverCall(call: FinishedCall): void;
  runnerCall(call: FinishedCall): void;
  /** A commit of the store, with its fsync. */
  commit(result: { ok: boolean; seconds: number }): void;
  /** A scheduled backup. */
  backupFailed(): void;
}

/**
 * Makes the counters and histograms of one daemon; gauges that are read at each scrape are added by
 * `gauges.ts`.
 */
export function createMetrics(build: { version: string; commit?: string }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <T extends string>(name: string, help: string, labelNames: T[]) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <T extends string>(name: string, help: string, labelNames: T[], buckets: number[]) =>
    new Histogram({ name, help, labelNames, buckets, registers });

  new Gauge({
    name: "rune_build_info",
    help: "1, with the version of the daemon as labels",
    labelNames: ["version", "commit"],
    registers,
  }).set({ version: build.version, commit: build.commit ?? "unknown" }, 1);

  const requests = counter("rune_http_requests_total", "Requests answered, streams when they begin", [
    "method",
    "route",
    "code",
  ]);
  const durations = histogram(
    "rune_http_request_duration_seconds",
    "Time until a request was answered, of streams until they began",
    ["method", "route"],
    FAST,
  );
  const passes = counter("rune_reconcile_passes_total", "Passes of controllers by their outcome", [
    "controller",
    "outcome",
  ]);
  const passDurations = histogram(
    "rune_reconcile_pass_duration_seconds",
    "Time of one pass of a controller",
    ["controller"],
    SLOW,
  );
  const driverCalls = counter("rune_driver_calls_total", "Calls of volume drivers by their result", [
    "driver",
    "call",
    "result",
  ]);
  const driverDurations = histogram(
    "rune_driver_call_duration_seconds",
    "Time of a call of a volume driver",
    ["driver", "call"],
    SLOW,
  );
  const runnerCalls = counter("rune_runner_calls_total", "Calls of runners by their result", [
    "runner",
    "call",
    "result",
  ]);
  const runnerDurations = histogram(
    "rune_runner_call_duration_seconds",
    "Time of a call of a runner",
    ["runner", "call"],
    SLOW,
  );
  const commits = histogram(
    "rune_store_commit_duration_seconds",
    "Time until a commit of the store was on disk",
    [],
    FAST,
  );
  const failedCommits = counter("rune_store_commit_failures_total", "Commits that the disk refused", []);

  const failedBackups = counter("rune_backup_failures_total", "Scheduled backups that failed", []);

  return {
    registry,
    request({ method, route, code, seconds }) {
      requests.inc({ method, route, code });
      durations.observe({ method, route }, seconds);
    },
    reconcile: {
      countPass({ controller, outcome, seconds }) {
        passes.inc({ controller, outcome });
        passDurations.observe({ controller }, seconds);
      },
    },
    driverCall({ of: driver, call, result, seconds }) {
      driverCalls.inc({ driver, call, result });
      driverDurations.observe({ driver, call }, seconds);
    },
    runnerCall({ of: runner, call, result, seconds }) {
      runnerCalls.inc({ runner, call, result });
      runnerDurations.observe({ runner, call }, seconds);
    },
    commit({ ok, seconds }) {
      if (ok) commits.observe(seconds);
      else failedCommits.inc();
    },
    backupFailed: () => failedBackups.inc(),
  };
}
