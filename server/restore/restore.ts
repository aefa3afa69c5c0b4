/**
 * Restores a backup into a data directory without a state, while no daemon runs. Everything is unpacked and
 * verified in a separate directory. The last step puts the state in place with a rename. Until then daemons
 * refuse the directory, and the restore can be repeated.
 * @module
 */
import { join } from "node:path";
import { moveEntry, replaceFile, syncFile, writeNewFile } from "../../base/durable.ts";
import { showDrivers, wrapDrivers } from "../../node/driver_calls.ts";
import { RuneError, toRuneError } from "../../model/error.ts";
import type { RestoreOptions, RestoreReport } from "../../model/offline.ts";
import { describeKey } from "../../model/resource.ts";
import { lockDataDir } from "../../store/restore_target.ts";
import {
  ensureDataDir,
  hasState,
  markMade,
  removeRestored,
  restoringPath,
  statePath,
} from "../../store/restore_target.ts";
import type { KekSource } from "../../store/restore_target.ts";
import { openStore } from "../../store/store.ts";
import { buildDrivers } from "../../drivers/registry.ts";
import { loadSettings, type Settings } from "../daemon/settings.ts";
import { KEK } from "../backup/backup.ts";
import { type NewKek, settleKek } from "./restored_kek.ts";
import { releasePlace } from "../identity/daemon_identity.ts";
import { openInstallation } from "../identity/installation.ts";
import { makeCopy } from "./copy_of.ts";
import { readBackup, readManifest } from "../backup/format.ts";
import { doubtUnfinished, forgetDisks } from "./forget_disks.ts";
import { importVolumes } from "./import_volumes.ts";
import { decideIdentity } from "./restored_identity.ts";
import { readRestoredSecrets } from "./restored_secrets.ts";
import { notWhole } from "../backup/tar.ts";

/**
 * Restores a backup.
 *
 * @throws {RuneError} `not_found` for a missing file; `invalid_argument` for a damaged one;
 * `failed_precondition` if the data directory has a state or is in use; `already_exists` if there is other
 * data in place of a volume.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  return await restoreInto(options, await loadSettings(options));
}

async function restoreInto(options: RestoreOptions, settings: Settings): Promise<RestoreReport> {
  const { file } = options;
  const { dataDir, node, crypto } = settings;
  const claimed = await readManifest(await openBackup(file));
  ensureDataDir(dataDir);
  using _lock = lockDataDir(dataDir);
  if (hasState(dataDir)) throw occupiedError(dataDir);
  const { copy, running, inPlace } = await decideIdentity(claimed, settings, options);
  const work = restoringPath(dataDir);
  removeRestored(dataDir);
  try {
    await Deno.mkdir(join(work, "state"), { recursive: true, mode: 0o700 });
    const manifest = await readBackup(await openBackup(file), {
      async onFile(name, data) {
        if (name === "state.db") await writeNewFile(join(work, "state", "state.db"), data);
        else if (name === KEK) await writeNewFile(join(work, KEK), data);
        else for await (const _ of data);
      },
    });
    if (manifest.daemonId !== claimed.daemonId) throw notWhole("it changed while it was read");
    const store = await openStore({ dataDir: join(work, "state") });
    const report: RestoreReport = {
      dataDir,
      version: manifest.version,
      createdAt: manifest.createdAt,
      revision: store.revision,
      services: store.list("service").length,
      volumes: store.list("volume").length,
      restored: manifest.volumes.map(describeKey),
      without: store.list("volume").filter((v) => v.status.handle !== undefined)
        .filter((v) => !manifest.volumes.some(({ uid }) => uid === v.uid))
        .map((v) => ({ volume: describeKey(v), handle: v.status.handle! })),
      kek: manifest.kek,
      daemonId: manifest.daemonId,
      copy,
      running,
      notes: copy ? [] : fateOf(running, { inPlace }),
    };
    let newKek: NewKek | undefined;
    try {
      newKek = await settleKek(store, {
        source: crypto.kek,
        ...(manifest.kek && { unpacked: join(work, KEK) }),
      });
      if (copy) Object.assign(report, { ...await makeCopy(store, { manifest, node }), without: [] });
      else {
        await releasePlace(store);
        // Names of a copy are its own, so nobody did anything in its place.
        await doubtUnfinished(store);
      }
      await forgetDisks(store);
      const installation = await openInstallation(store, node);
      if (manifest.volumes.length > 0) {
        const built = buildDrivers(settings.storage, { dataDir, daemonId: report.daemonId }).all;
        const kek: KekSource = newKek ? { from: "file", path: join(work, KEK) } : crypto.kek;
        await using secrets = readRestoredSecrets(store, kek);
        const drivers = showDrivers(
          wrapDrivers(built, { node: node.name, installation, secrets }),
        );
        await importVolumes(await openBackup(file), { manifest, store, drivers });
      }
      await store.copyTo(join(work, "state.db"));
    } finally {
      await store.close();
    }
    await putInPlace(dataDir, newKek);
    return report;
  } catch (thrown) {
    // A daemon refuses a directory with a partial restore. If nothing was kept, the mark of a partial restore
    // must go.
    await Deno.remove(work, { recursive: true }).catch(() => {});
    const error = toRuneError(thrown);
    if (error.code !== "internal" || thrown instanceof RuneError) throw error;
    throw new RuneError("unavailable", `cannot restore into ${dataDir}: ${error.message}`, {
      hint: "check that its disk has room and can be written, then run it again",
      cause: thrown,
    });
  }
}

/** Says what the daemon will do at its start with what still runs. */
function fateOf(running: string[], { inPlace }: { inPlace: boolean }): string[] {
  if (running.length === 0) return [];
  return [
    inPlace
      ? "what still runs uses this data directory: the daemon adopts the runs in the backup, and ends the rest"
      : "at its start the daemon stops what still runs, before anything else can use its volumes",
  ];
}

async function openBackup(file: string): Promise<ReadableStream<Uint8Array>> {
  try {
    return (await Deno.open(file)).readable;
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    const reason = missing ? "there is no such file" : error instanceof Error ? error.message : String(error);
    throw new RuneError(missing ? "not_found" : "failed_precondition", `cannot read ${file}: ${reason}`, {
      hint: "give the path of a file that rune admin backup made",
      cause: error,
    });
  }
}

function occupiedError(dataDir: string): RuneError {
  return new RuneError("failed_precondition", `${dataDir} already holds a state; nothing was restored`, {
    hint:
      "choose another directory with --data-dir, or first move away state.db, state.db-wal, state.db-shm and state.made",
  });
}

async function putInPlace(dataDir: string, newKek: NewKek | undefined): Promise<void> {
  const work = restoringPath(dataDir);
  if (newKek) await replaceFile(newKek.path, newKek.text);
  await syncFile(join(work, "state.db"));
  await moveEntry(join(work, "state.db"), statePath(dataDir));
  markMade(dataDir);
  removeRestored(dataDir);
}
