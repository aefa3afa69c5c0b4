/**
 * Taking a ready instance out of service before it is stopped, where others can take over: no request is
 * lost.
 * @module
 */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { Store } from "../../store/store.ts";
import { sleepQuietly } from "../../base/delay.ts";
import type { InstanceView } from "./view.ts";

/** What those who looked up the name just before are given to come and be served. */
const DRAIN_MS = 1000;

/**
 * Takes the names of an instance away and waits a little; at once where nobody would take over.
 *
 * @throws {RuneError} `unavailable` when the engine cannot be reached.
 */
export async function drain(
  { instance, service, run }: InstanceView,
  { store, runner, signal }: { store: Store; runner: NodeRunner; signal: AbortSignal },
): Promise<void> {
  if (!runner.publish || run?.state !== "running" || service?.deletionRequestedAt !== undefined) return;
  if (!run.names?.includes(instance.spec.service)) return;
  const others = store.list("instance", instance.namespace).some((other) =>
    other.uid !== instance.uid && other.spec.serviceUid === instance.spec.serviceUid &&
    other.status.ready && other.deletionRequestedAt === undefined
  );
  if (!others) return;
  const sharedNames = run.sharedNames && [];
  await runner.publish(run, { names: [], ...(sharedNames && { sharedNames }), signal });
  await sleepQuietly(DRAIN_MS, signal);
}
