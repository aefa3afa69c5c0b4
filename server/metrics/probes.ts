/** Counts the results of probes by service. The counts are removed with their service. @module */
import { Counter, Histogram, type Registry } from "prom-client";
import type { ProbeObserver } from "../../node/observer.ts";
import type { Store } from "../../store/store.ts";
import { FAST } from "./metrics.ts";

const PROBES = ["startup", "liveness", "readiness"] as const;
const RESULTS = ["success", "failure", "timeout"] as const;

/** Counts results until it is closed. */
export interface ProbeCounts extends ProbeObserver {
  close(): void;
}

/** Registers the metrics of probes. */
export function countProbes(registry: Registry, store: Store): ProbeCounts {
  const registers = [registry];
  const results = new Counter({
    name: "rune_probe_results_total",
    help: "Health probes by result",
    labelNames: ["namespace", "service", "probe", "result"],
    registers,
  });
  const durations = new Histogram({
    name: "rune_probe_duration_seconds",
    help: "Time until a health probe was answered or timed out",
    labelNames: ["probe"],
    buckets: FAST,
    registers,
  });
  const close = store.subscribe((changes) => {
    for (const { type, resource: { kind, namespace, name: service } } of changes) {
      if (type !== "delete" || kind !== "service") continue;
      for (const probe of PROBES) {
        for (const result of RESULTS) results.remove({ namespace, service, probe, result });
      }
    }
  });
  return {
    countAnswer({ namespace, service, probe, result, seconds }) {
      durations.observe({ probe }, seconds);
      // The last probes of an instance may be answered after its service was deleted.
      if (store.get("service", namespace, service)) results.inc({ namespace, service, probe, result });
    },
    close,
  };
}
