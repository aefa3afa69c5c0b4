/**
 * Finds the writers of a volume that is about to be copied, and the barrier that keeps new writers from
 * starting. Pure reads; the transaction that they are part of makes them binding
 * (docs/decisions/0005-a-snapshot-pauses-the-writers.md).
 * @module
 */
import { type Instance, isAlive } from "../../model/instance.ts";
import { describeWithin } from "../../model/kinds.ts";
import { describeKey } from "../../model/resource.ts";
import { holderWithin } from "../leases.ts";
import type { PausedRun, Snapshot } from "../../model/snapshot.ts";
import type { Reader } from "../../store/store.ts";

interface Place {
  namespace: string;
  name: string;
}

/** Runs to pause for a copy, or what the copy must wait for first. */
export type Writers = { runs: PausedRun[] } | { waitsFor: string };

/**
 * The snapshot that is copying this volume. Until the copy is done, no new writer may start.
 */
export function copiedFor(state: Reader, volume: Place): Snapshot | undefined {
  return state.list("snapshot", volume.namespace).find(({ spec, status }) =>
    status.copying === true && spec.source.volume === volume.name
  );
}

/**
 * A snapshot that is reading this volume, with its writers paused or not. Until it is done, the volume's data
 * must stay.
 */
export function readFor(state: Reader, volume: Place): Snapshot | undefined {
  return state.list("snapshot", volume.namespace).find(({ spec, status }) =>
    status.state === "Creating" && spec.source.volume === volume.name
  );
}

/**
 * The snapshot for which this instance is paused. Until it is resumed, it is not stopped, and its status does
 * not report the pause.
 */
export function pausedFor(state: Reader, instanceUid: string): Snapshot | undefined {
  return state.list("snapshot").find(({ status }) =>
    status.paused?.some((run) => run.instanceUid === instanceUid)
  );
}

/** The message for a paused instance. */
export const pausedMessage = (snapshot: Snapshot, namespace: string): string =>
  `it is paused until ${describeWithin(namespace, snapshot)} has copied its volume`;

/**
 * Finds the runs that write a volume. Every holder of a write lease is in one of three states. A running one
 * is paused. One that is down cannot start because of the barrier. For one that is starting or stopping, the
 * copy waits.
 */
export function findWriters(state: Reader, snapshot: Snapshot): Writers {
  const { namespace, spec: { source } } = snapshot;
  const key = `${namespace}/${source.volume}`;
  const other = copiedFor(state, { namespace, name: source.volume });
  if (other && other.uid !== snapshot.uid) {
    return { waitsFor: `snapshot ${describeKey(other)}, which copies the volume now` };
  }
  const holders = state.get("lease", namespace, source.volume)?.spec.holders ?? [];
  const runs: PausedRun[] = [];
  for (const holder of holders.filter((h) => h.mode === "rw")) {
    const name = holderWithin(namespace, holder);
    const instance = state.list("instance", holder.namespace).find((i) => i.uid === holder.instanceUid);
    if (!instance) return { waitsFor: `${name}, which holds volume ${key} and is gone, to be cleared away` };
    const busy = pausedFor(state, instance.uid);
    if (busy && busy.uid !== snapshot.uid) {
      return { waitsFor: `${describeWithin(namespace, busy)}, which has paused ${name}` };
    }
    const phase = phaseOf(state, instance);
    if (phase === "moving") return { waitsFor: `${name} to finish starting or stopping` };
    if (phase === "running") {
      runs.push({
        instanceUid: instance.uid,
        run: instance.status.run,
        runner: instance.spec.runner,
        namespace: instance.namespace,
        instance: instance.name,
      });
    }
  }
  return { runs };
}

function phaseOf(state: Reader, { namespace, spec, status, deletionRequestedAt }: Instance) {
  const service = state.get("service", namespace, spec.service);
  const leaving = deletionRequestedAt !== undefined || service?.uid !== spec.serviceUid;
  if (leaving && status.run > 0) return "moving";
  if (status.state === "Starting" || status.state === "Stopping") return "moving";
  return isAlive(status.state) ? "running" : "down";
}

/**
 * A volume that is still to be restored from a snapshot, if any. Until then, the snapshot must stay.
 */
export function restoredInto(state: Reader, snapshot: Place): Place | undefined {
  return state.list("volume").find(({ spec: { source }, status, deletionRequestedAt }) =>
    source?.snapshot === snapshot.name && source.namespace === snapshot.namespace &&
    status.handle === undefined && deletionRequestedAt === undefined
  );
}

/** The volumes that are still to be restored from a snapshot. */
export function volumesMadeFrom(state: Reader, snapshot: Place): Place[] {
  return state.list("volume").filter(({ spec: { source }, status }) =>
    source?.snapshot === snapshot.name && source.namespace === snapshot.namespace &&
    status.handle === undefined
  );
}
