/**
 * Turns the call by which a driver takes a snapshot into events: the caller of a node can answer to the copy
 * without giving the node a function to call.
 * @module
 */
import { RuneError } from "../model/error.ts";
import type { SnapshotEvent } from "./node_driver.ts";

/** A driver's answer. */
interface Taken {
  handle: string;
  sizeBytes: number;
}

/**
 * The events of one snapshot. A caller that stops listening after `copied` abandons the snapshot, and waits
 * until the driver has removed the copy.
 *
 * @param take makes the snapshot; told what to call once the copy reads the volume no more.
 */
export async function* readSnapshotEvents(
  take: (onCopied: () => Promise<void>) => Promise<Taken>,
): AsyncGenerator<SnapshotEvent> {
  const copied = Promise.withResolvers<void>();
  const consent = Promise.withResolvers<void>();
  consent.promise.catch(() => {});
  const taken = take(() => {
    copied.resolve();
    return consent.promise;
  });
  try {
    const isCopied = await Promise.race([copied.promise.then(() => true), taken.then(() => false)]);
    if (isCopied) yield { state: "copied" };
    consent.resolve();
    yield { state: "taken", ...await taken };
  } finally {
    consent.reject(new RuneError("conflict", "the snapshot was abandoned after its copy was made"));
    await taken.catch(() => {});
  }
}
