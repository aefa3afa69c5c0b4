/**
 * Makes a backup of a running daemon: a consistent copy of the state and, on request, the key and the data of
 * volumes.
 * @module
 */
import type { Logger } from "@logtape/logtape";
import type { Nodes } from "../../node/node.ts";
import type { NodeDriver } from "../../node/node_driver.ts";
import { findNode } from "../../node/placement.ts";
import { describeVolumeCall, findClass } from "../../node/volume_call.ts";
import { RuneError, toRuneError } from "../../model/error.ts";
import type { BackupRequest } from "../../model/api.ts";
import { describeKey } from "../../model/resource.ts";
import type { Volume } from "../../model/volume.ts";
import { checkKek } from "../../store/backup_source.ts";
import type { Vault } from "../../store/secrets/vault.ts";
import { copyPath } from "../../store/backup_source.ts";
import type { Store } from "../../store/store.ts";
import { findPlace } from "../identity/daemon_identity.ts";
import type { DaemonInfo } from "../identity/daemon_info.ts";
import { manifestFile, packBackup, partFiles, textFile, volumeFolder } from "./format.ts";
import type { TarFile } from "./tar.ts";
import { snapshotVolumes } from "./volume_snapshots.ts";

/** Dependencies of a backup. */
export interface BackupSource {
  store: Store;
  /** Provides the key encryption key. */
  secrets: Pick<Vault, "hold">;
  nodes: Nodes;
  info: Pick<DaemonInfo, "version" | "node" | "daemonId" | "dataDir">;
  /** Logs why a backup ended early; its reader sees only that it did. */
  logger?: Logger;
}

/** The name of the key encryption key in a backup. */
export const KEK = "kek";

/**
 * Streams a backup. The stream ends when its reader cancels it or the signal aborts. All refusals come before
 * the stream begins. The snapshots of volumes are taken before it, too.
 *
 * @param options.asked aborts when the client has disconnected.
 * @throws {RuneError} `not_found` for a volume that does not exist; `failed_precondition` for a volume whose
 * data cannot be read, or if the KEK is not in a file; `unavailable` if the disk has no room for the copy of
 * the state.
 */
export async function makeBackup(
  source: BackupSource,
  { withKek, volumes: wanted, snapshots: fromSnapshots = true }: BackupRequest,
  shutdown: AbortSignal,
  { asked }: { asked?: AbortSignal } = {},
): Promise<ReadableStream<Uint8Array>> {
  const { store, info } = source;
  const volumes = wanted.map((key) => findVolume(source, key, fromSnapshots));
  const { copy, revision, kek } = await copyState(source, { withKek });
  const place = await findPlace(info.dataDir);
  const left = new AbortController();
  const snapshots = fromSnapshots && volumes.length > 0
    ? await snapshotVolumes(store, volumes.map(({ volume }) => volume), {
      signal: AbortSignal.any([shutdown, ...asked ? [asked] : []]),
    }).catch(async (error) => {
      await Deno.remove(copy);
      throw error;
    })
    : undefined;
  const signal = AbortSignal.any([shutdown, left.signal]);

  async function* files(): AsyncGenerator<TarFile> {
    yield manifestFile({
      version: info.version,
      createdAt: new Date().toISOString(),
      node: info.node,
      daemonId: info.daemonId,
      revision,
      kek: withKek,
      volumes: volumes.map(({ volume: { namespace, name, uid } }) => ({ namespace, name, uid })),
      place,
    });
    yield await diskFile("state.db", copy);
    if (kek !== undefined) yield textFile(KEK, kek);
    for (const [n, { volume, driver }] of volumes.entries()) {
      const call = describeVolumeCall(findClass(volume, store), signal);
      const data = await driver.exportData!(call, snapshots?.refs.get(volume.uid));
      yield* partFiles(volumeFolder(n), data);
    }
  }

  return endingWith(packBackup(files()), {
    async end() {
      left.abort();
      await Deno.remove(copy).catch(() => {});
      // A daemon that is stopping may be too late for this. The next one removes them.
      await snapshots?.remove().catch(() => {});
    },
    onFailure(error) {
      source.logger?.error("a backup failed: {message}", { message: toRuneError(error).message });
    },
  });
}

/**
 * Copies the state and, on request, the key, with no key rotation in between. Then checks that the key is the
 * one that the state is encrypted with.
 */
async function copyState(
  { store, secrets, info }: BackupSource,
  { withKek }: { withKek: boolean },
): Promise<{ copy: string; revision: number; kek?: string }> {
  const copy = copyPath(info.dataDir);
  return await secrets.hold(async (held) => {
    const kek = withKek ? await held.readFile() : undefined;
    const { revision } = store;
    // Before the copy, so that no data key changes until it is done.
    await checkKek(store, held.kek);
    await store.copyTo(copy);
    return { copy, revision, ...(kek !== undefined && { kek }) };
  });
}

/**
 * Adds cleanup to a stream, which runs once it has ended, failed or lost its reader, even before the first
 * byte.
 */
function endingWith(
  stream: ReadableStream<Uint8Array>,
  { end, onFailure }: { end: () => Promise<void>; onFailure: (error: unknown) => void },
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        await end();
        controller.close();
      } catch (error) {
        onFailure(error);
        await end();
        controller.error(error);
      }
    },
    async cancel(reason) {
      await end();
      await reader.cancel(reason).catch(() => {});
    },
  }, { highWaterMark: 0 });
}

function findVolume(
  { store, nodes }: BackupSource,
  key: string,
  fromSnapshots: boolean,
): { volume: Volume; driver: NodeDriver } {
  const [namespace = "", name = ""] = key.split("/");
  const volume = store.get("volume", namespace, name);
  if (!volume) {
    throw new RuneError("not_found", `there is no volume ${key}`, { hint: "rune get volumes -A lists them" });
  }
  const driver = findNode({ nodes }).drivers.get(volume.status.driver ?? "");
  if (!driver || volume.status.handle === undefined) {
    throw new RuneError(
      "failed_precondition",
      `volume ${key} has no data yet: it is ${volume.status.state}`,
      {
        hint: "leave it out, or wait until it is Available",
      },
    );
  }
  if (!driver.exportData) {
    throw new RuneError(
      "failed_precondition",
      `volume ${describeKey(volume)}: the driver ${driver.name} cannot export data`,
      { hint: `back up ${volume.status.handle} with another tool, and leave out the volume` },
    );
  }
  if (fromSnapshots && !driver.capabilities.snapshots) {
    throw new RuneError(
      "failed_precondition",
      `volume ${describeKey(volume)}: the driver ${driver.name} takes no snapshots`,
      { hint: "copy its live files with --no-snapshots, while nothing writes to them" },
    );
  }
  return { volume, driver };
}

async function diskFile(name: string, path: string): Promise<TarFile> {
  const { size } = await Deno.stat(path);
  const data = (async function* () {
    const file = await Deno.open(path);
    // Closes the file even if the reader cancels.
    yield* file.readable;
  })();
  return { name, size, data };
}
