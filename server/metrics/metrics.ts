/**
 * The counters and histograms of the daemon, which docs/operations.md lists. Each daemon has its own
 * registry. Nothing here knows where a value comes from.
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ReconcileObserver } from "../../reconcile/start.ts";
import type { FinishedCall } from "../../node/observer.ts";

/** Buckets in seconds, from a read in memory to a request that waits for a disk. */
export const FAST = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Buckets in seconds, from creating a directory to pulling an image or copying a volume. */
const SLOW = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** An answered request. */
export interface AnsweredRequest {
  method: string;
  /** The pattern of the route, not the path, since names must not become label values. */
  route: string;
  code: number;
  seconds: number;
}

/** The metrics to which the parts of the daemon report. */
export interface Metrics {
  registry: Registry;
  request(request: AnsweredRequest): void;
  reconcile: ReconcileObserver;
  driverCall(call: FinishedCall): void;
  runnerCall(call: FinishedCall): void;
  /** Counts a commit of the store, including its fsync. */
  commit(result: { ok: boolean; seconds: number }): void;
  /** Counts a failed scheduled backup. */
  backupFailed(): void;
}

/** Creates the counters and histograms of one daemon. `gauges.ts` adds the gauges. */
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

  const requests = counter("rune_http_requests_total", "Answered requests; streams count when they begin", [
    "method",
    "route",
    "code",
  ]);
  const durations = histogram(
    "rune_http_request_duration_seconds",
    "Time until a request was answered; for streams, until they began",
    ["method", "route"],
    FAST,
  );
  const passes = counter("rune_reconcile_passes_total", "Passes of controllers by outcome", [
    "controller",
    "outcome",
  ]);
  const passDurations = histogram(
    "rune_reconcile_pass_duration_seconds",
    "Duration of a pass of a controller",
    ["controller"],
    SLOW,
  );
  const driverCalls = counter("rune_driver_calls_total", "Calls of volume drivers by result", [
    "driver",
    "call",
    "result",
  ]);
  const driverDurations = histogram(
    "rune_driver_call_duration_seconds",
    "Duration of a call of a volume driver",
    ["driver", "call"],
    SLOW,
  );
  const runnerCalls = counter("rune_runner_calls_total", "Calls of runners by result", [
    "runner",
    "call",
    "result",
  ]);
  const runnerDurations = histogram(
    "rune_runner_call_duration_seconds",
    "Duration of a call of a runner",
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
