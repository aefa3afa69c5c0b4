/** Imports the data of volumes from a backup into their drivers. @module */
import { RuneError } from "../../model/error.ts";
import { describeKey } from "../../model/resource.ts";
import type { Volume } from "../../model/volume.ts";
import type { NodeDriver } from "../../node/node_driver.ts";
import { describeVolumeCall, findClass } from "../../node/volume_call.ts";
import type { Store } from "../../store/store.ts";
import { type Manifest, readBackup, volumeFolder } from "../backup/format.ts";

/** Dependencies of an import. */
export interface VolumeImport {
  manifest: Manifest;
  store: Store;
  drivers: ReadonlyMap<string, NodeDriver>;
}

/** Reads a backup, and passes the data of each volume to its driver. */
export async function importVolumes(
  backup: ReadableStream<Uint8Array>,
  { manifest, store, drivers }: VolumeImport,
): Promise<void> {
  const signal = new AbortController().signal;
  let current:
    | { folder: string; sink: WritableStreamDefaultWriter<Uint8Array>; done: Promise<void> }
    | undefined;
  const finish = async () => {
    const last = current;
    current = undefined;
    await last?.sink.close().catch(() => {});
    await last?.done;
  };
  const begin = (n: number) => {
    const { namespace, name, uid } = manifest.volumes[n]!;
    const volume = store.get("volume", namespace, name);
    if (volume?.uid !== uid) {
      throw new RuneError("internal", `the state of the backup does not know volume ${namespace}/${name}`);
    }
    const pipe = new TransformStream<Uint8Array, Uint8Array>();
    const done = importVolume(volume, { data: pipe.readable, store, drivers, signal });
    done.catch(() => {});
    current = { folder: volumeFolder(n), sink: pipe.writable.getWriter(), done };
  };
  let next = 0;
  await readBackup(backup, {
    async onFile(name, data) {
      const folder = name.slice(0, name.lastIndexOf("/"));
      if (folder.startsWith("volumes/") && current?.folder !== folder) {
        await finish();
        begin(next++);
      }
      for await (const chunk of data) {
        // If the driver has failed, or already has the data, the rest is skipped.
        if (folder.startsWith("volumes/")) await current?.sink.write(chunk).catch(() => {});
      }
    },
  });
  await finish();
}

async function importVolume(
  volume: Volume,
  { data, store, drivers, signal }: Omit<VolumeImport, "manifest"> & {
    data: ReadableStream<Uint8Array>;
    signal: AbortSignal;
  },
): Promise<void> {
  const { namespace, name, status } = volume;
  const driver = drivers.get(status.driver ?? "");
  if (!driver?.capabilities.sources.includes("archive")) {
    await data.cancel();
    throw new RuneError(
      "failed_precondition",
      `volume ${describeKey(volume)}: no driver here can import its data`,
    );
  }
  // It is provisioned again, since its handle leads to the former data.
  const { handle: _, ...rest } = status;
  const call = describeVolumeCall(findClass({ ...volume, status: rest }, store), signal);
  const { handle } = await driver.materialize(call, { from: "archive", data }).catch(async (error) => {
    await data.cancel().catch(() => {});
    throw error;
  });
  await store.transact((tx) => {
    const current = tx.get("volume", namespace, name)!;
    tx.update(current, { status: { ...current.status, handle } });
  });
}
