/**
 * Turns a restored state into a new daemon that can run beside its original. The copy has a new id, and
 * forgets every directory, snapshot and device of the original, so it cannot write or delete anything of the
 * original's.
 * @module
 */
import { capabilitiesOf, ownDirectories } from "../../drivers/registry.ts";
import { RuneError } from "../../model/error.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { hostPortsOf } from "../../model/exposing.ts";
import { describeKey } from "../../model/resource.ts";
import type { Volume, VolumeStatus } from "../../model/volume.ts";
import type { Store, Tx } from "../../store/store.ts";
import { makeInitialState } from "../admission/initial_state.ts";
import { replaceDaemonId } from "../identity/daemon_identity.ts";
import { type NodeNames, renameInstallation } from "../identity/installation.ts";
import { addOriginal } from "../identity/originals.ts";
import type { Settings } from "../daemon/settings.ts";
import type { Manifest } from "../backup/format.ts";

/** The result of the change. */
export interface CopyReport {
  daemonId: string;
  /** Notes for the operator, one sentence each. */
  notes: string[];
}

/**
 * Requires settings with which a copy shares nothing with its original.
 *
 * @throws {RuneError} `failed_precondition` that says what to change in the runefile.
 */
export async function requireOwnPlaces(
  { dataDir, storage, crypto }: Pick<Settings, "dataDir" | "storage" | "crypto">,
): Promise<void> {
  const found = await findForeign(dataDir);
  if (found !== undefined) {
    throw new RuneError(
      "failed_precondition",
      `${dataDir} holds ${found} of a daemon; a copy needs its own directory`,
      {
        hint: "choose an empty directory with --data-dir, or remove what an interrupted restore left there",
      },
    );
  }
  for (const { path, what, key } of ownDirectories(storage)) {
    if (!await holdsEntries(path)) continue;
    throw new RuneError(
      "failed_precondition",
      `${what} ${path} already holds volumes; a copy needs its own`,
      {
        hint: `use a runefile with another ${key}, or without one (--config); ` +
          "or remove what an interrupted restore left there",
      },
    );
  }
  const kek = crypto.kek.from === "file" ? crypto.kek.path : undefined;
  const shared = kek !== undefined && !kek.startsWith(`${dataDir}/`);
  if (shared && await Deno.stat(kek).then(() => true, () => false)) {
    throw new RuneError("failed_precondition", `the key file ${kek} already exists; a copy needs its own`, {
      hint:
        "a key rotation would lock out the other daemon: use a runefile with another crypto.kek.file (--config)",
    });
  }
}

/**
 * Files that may be in the data directory of a copy: those of the restore, and a key that the operator put
 * there.
 */
const OWN_ENTRIES = ["lock", "restoring", "kek"];

/** Finds something in a data directory that would make the copy use runs or files of another daemon. */
async function findForeign(dataDir: string): Promise<string | undefined> {
  for await (const { name } of Deno.readDir(dataDir)) if (!OWN_ENTRIES.includes(name)) return name;
  return undefined;
}

async function holdsEntries(directory: string): Promise<boolean> {
  try {
    for await (const _ of Deno.readDir(directory)) return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return false;
}

/** Changes the restored state as the module comment says. */
export async function makeCopy(
  store: Store,
  { manifest, node }: { manifest: Manifest; node: NodeNames },
): Promise<CopyReport> {
  await addOriginal(store, manifest.daemonId);
  const daemonId = await replaceDaemonId(store);
  await renameInstallation(store, { node, original: manifest.node, daemonId });
  const kept = new Set(manifest.volumes.map(({ uid }) => uid));
  const notes = await store.transact((tx) => {
    forgetNamedData(tx);
    return [
      ...tx.list("volume").flatMap((volume) => disownVolume(tx, volume, kept.has(volume.uid))),
      ...disownSnapshots(tx),
      ...wants(tx),
    ];
  });
  return { daemonId, notes };
}

/** Forgets for which data rights were judged: what a castfile names may be in use by the original. */
function forgetNamedData(tx: Tx): void {
  for (const resource of [...tx.list("volume"), ...tx.list("service")]) {
    const { [ANNOTATIONS.namedData]: record, ...annotations } = resource.annotations;
    if (record !== undefined) tx.update(resource, { annotations });
  }
}

function disownVolume(tx: Tx, volume: Volume, hasData: boolean): string[] {
  const { handle, driver, driverParameters, ownerService, sizeBytes, initializedAt } = volume.status;
  const fresh: VolumeStatus = {
    ...makeInitialState("volume", volume.spec).status,
    ...(ownerService !== undefined && { ownerService }),
  };
  if (hasData) {
    // The import of its data will set its handle.
    const status: VolumeStatus = {
      ...fresh,
      state: "Available",
      ...(driver !== undefined && { driver }),
      ...(driverParameters !== undefined && { driverParameters }),
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(initializedAt !== undefined && { initializedAt }),
    };
    tx.update(volume, { status });
    return [];
  }
  const name = `volume ${describeKey(volume)}`;
  if (handle === undefined) {
    tx.update(volume, { status: fresh });
    return [];
  }
  // Any other handle leads to data of the original.
  const capabilities = capabilitiesOf(driver);
  if (capabilities?.scope === "daemon") {
    tx.update(volume, { status: fresh });
    return [`${name} is empty in the copy: its data is not in the backup`];
  }
  const failureMessage = `${handle} belongs to the daemon that this one is a copy of`;
  const { handleParameter } = capabilities ?? {};
  const failureHint = "when that daemon is gone for good: " +
    (handleParameter === undefined
      ? `rune volume retry-provision ${volume.name} -n ${volume.namespace}`
      : `delete this volume and cast it anew with parameters: { ${handleParameter}: ${handle} }`);
  tx.update(volume, { status: { ...fresh, state: "Stalled", failureMessage, failureHint } });
  return [`${name} is not the copy's: ${failureMessage}`];
}

function disownSnapshots(tx: Tx): string[] {
  const snapshots = tx.list("snapshot");
  for (const snapshot of snapshots) tx.remove(snapshot);
  return snapshots.length === 0 ? [] : [`${snapshots.length} snapshots stay the original's`];
}

/** Warns of names and ports that only one of the two daemons can have. */
function wants(tx: Tx): string[] {
  return tx.list("service").filter(({ spec }) => spec.scale > 0).flatMap((service) => {
    const { host } = service.spec.expose ?? {};
    const wanted = [
      ...host === undefined ? [] : [host],
      ...hostPortsOf(service.spec).map(({ hostPort }) => `port ${hostPort}`),
    ];
    if (wanted.length === 0) return [];
    return [
      `service ${describeKey(service)} wants ${
        wanted.join(" and ")
      }, as the original's does; only one can have it`,
    ];
  });
}
