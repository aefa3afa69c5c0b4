/**
 * The contract of a node's probes. The node runs them by itself and publishes the verdicts.
 * @module
 */
import type { ProbeReport } from "../model/api.ts";
import type { Instance } from "../model/instance.ts";
import type { RunState } from "../runners/runner.ts";
import type { HealthVerdict } from "./probes/tracker.ts";

/** See the module comment. */
export interface NodeProbes {
  /** The uid of each instance whose verdict changes, until the signal aborts. */
  changes(signal: AbortSignal): AsyncIterable<string>;
  /**
   * Makes sure that a running run is probed as its template says.
   *
   * @returns what is known of it; undefined when it has no probes.
   */
  watch(
    instance: Instance,
    options: { run: RunState; signal: AbortSignal },
  ): Promise<HealthVerdict | undefined>;
  /** Ends the probes of an instance. */
  forget(instanceUid: string, signal: AbortSignal): Promise<void>;
  /** What the probes of an instance said last. */
  report(instance: Instance, signal: AbortSignal): Promise<ProbeReport[]>;
}
