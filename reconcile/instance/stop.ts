/** Stops the runs of an instance as its service asks, and reports when one had to be killed. @module */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { RunRef, RunState } from "../../runners/runner.ts";
import { parseDuration } from "../../model/duration.ts";
import type { Instance } from "../../model/instance.ts";
import type { Service } from "../../model/service.ts";
import type { Store } from "../../store/store.ts";
import { recordEvent } from "../events.ts";

/** How long an instance may take to stop if its service is gone. */
const DEFAULT_STOP = "10s";

/** The dependencies and options of a stop. */
export interface StopCall {
  instance: Instance;
  /** The instance's service; undefined if it is gone. */
  service: Service | undefined;
  store: Store;
  runner: NodeRunner;
  /** Whether to kill the run without a stop signal. Default: no. */
  atOnce?: boolean;
  signal: AbortSignal;
}

/**
 * Stops a run, and returns when it is known to be gone. If it did not stop in time and was killed, the
 * instance and its service get an event, because unsaved data is lost.
 */
export async function stopRun(
  ref: RunRef,
  { instance, service, store, runner, atOnce = false, signal }: StopCall,
): Promise<RunState> {
  const stopTimeout = atOnce ? "0s" : service?.spec.stopTimeout ?? DEFAULT_STOP;
  // An init step is a different program, so the service's stop signal does not apply.
  const wanted = ref.step === undefined ? service?.spec.stopSignal : undefined;
  // For a container without a stop signal in the service, the runner uses the image's.
  const stopSignal = wanted ?? (runner.name === "process" ? "SIGTERM" : undefined);
  const state = await runner.stop(ref, {
    timeoutMs: parseDuration(stopTimeout),
    ...(stopSignal !== undefined && { stopSignal }),
    signal,
  });
  // With no stop time, or with SIGKILL, a kill is intended.
  if (!state.killed || parseDuration(stopTimeout) === 0 || stopSignal === "SIGKILL") return state;
  const asked = stopSignal ?? "its stop signal";
  const message =
    `it did not end within ${stopTimeout} of ${asked} and was killed; raise stopTimeout if it needs longer ` +
    "to end, or set stopSignal to the signal on which it ends in order";
  await store.transact((tx) => {
    const now = tx.get("service", instance.namespace, instance.spec.service);
    for (const object of [instance, ...(now?.uid === instance.spec.serviceUid ? [now] : [])]) {
      recordEvent(tx, { namespace: instance.namespace, object, type: "Warning", reason: "Killed", message });
    }
  });
  return state;
}
