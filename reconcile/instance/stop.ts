/** Stopping the runs of an instance as its service asks, and saying so where one had to be killed. @module */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { RunRef, RunState } from "../../runners/runner.ts";
import { parseDuration } from "../../model/duration.ts";
import type { Instance } from "../../model/instance.ts";
import type { Service } from "../../model/service.ts";
import type { Store } from "../../store/store.ts";
import { recordEvent } from "../events.ts";

/** How long an instance may take to stop when its service is gone. */
const DEFAULT_STOP = "10s";

/** What stopping a run takes. */
export interface StopCall {
  instance: Instance;
  /** Its service; undefined when that is gone. */
  service: Service | undefined;
  store: Store;
  runner: NodeRunner;
  /** It is killed without being asked. Default: no. */
  atOnce?: boolean;
  signal: AbortSignal;
}

/**
 * Stops a run, and returns when it is known to be gone. Where it did not end in time and was killed, an event
 * of the instance and of its service tells that: what it had not saved is lost.
 */
export async function stopRun(
  ref: RunRef,
  { instance, service, store, runner, atOnce = false, signal }: StopCall,
): Promise<RunState> {
  const stopTimeout = atOnce ? "0s" : service?.spec.stopTimeout ?? DEFAULT_STOP;
  // A step is another program.
  const wanted = ref.step === undefined ? service?.spec.stopSignal : undefined;
  // What a container was made with is its image's own where the service names none.
  const stopSignal = wanted ?? (runner.name === "process" ? "SIGTERM" : undefined);
  const state = await runner.stop(ref, {
    timeoutMs: parseDuration(stopTimeout),
    ...(stopSignal !== undefined && { stopSignal }),
    signal,
  });
  // Whoever gives no time, or asks by SIGKILL, wants it killed.
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
