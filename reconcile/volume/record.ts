/** Records what became of a volume: its status, and events. @module */
import type { Volume, VolumeStatus } from "../../model/volume.ts";
import type { Store, Tx } from "../../store/store.ts";
import { type Happening, recordEvent } from "../events.ts";

/** The volume in the transaction, if it is still the same one. */
export function findSame(tx: Tx, volume: Volume): Volume | undefined {
  const current = tx.get("volume", volume.namespace, volume.name);
  return current?.uid === volume.uid ? current : undefined;
}

/** Changes the status of a volume, if it is still the same one, and records an event with it. */
export async function write(
  { store }: { store: Store },
  volume: Volume,
  change: (status: VolumeStatus) => VolumeStatus,
  event?: Happening,
): Promise<void> {
  await store.transact((tx) => {
    const current = findSame(tx, volume);
    if (!current) return;
    tx.update(current, { status: change(current.status) });
    if (event) recordEvent(tx, event);
  });
}

/** An event of a volume. */
export function makeHappening(
  volume: Volume,
  type: Happening["type"],
  reason: string,
  message: string,
): Happening {
  const { namespace, name, uid } = volume;
  return { namespace, object: { kind: "volume", name, uid }, type, reason, message };
}
