/**
 * Takes a ready instance out of service before it stops, if others can take over, so that no request is lost.
 * @module
 */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { Store } from "../../store/store.ts";
import { sleepQuietly } from "../../base/delay.ts";
import type { InstanceView } from "./view.ts";

/** How long clients that have just looked up the name can still connect. */
const DRAIN_MS = 1000;

/**
 * Removes the names of an instance and waits a little. Returns at once if no other instance would take over.
 *
 * @throws {RuneError} `unavailable` if the Engine is unreachable.
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
