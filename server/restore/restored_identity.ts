/**
 * Decides whether a restored daemon replaces the one that made the backup or is a copy. Asks if something of
 * that one still runs.
 * @module
 */
import { isSamePlace, type Place } from "../../runners/engine_bond.ts";
import { RuneError } from "../../model/error.ts";
import type { RestoreOptions } from "../../model/offline.ts";
import { findPlace } from "../identity/daemon_identity.ts";
import type { Settings } from "../daemon/settings.ts";
import { findRunningDaemon, findStillRunning, type RunningDaemon } from "./still_running.ts";
import { requireOwnPlaces } from "./copy_of.ts";
import type { Manifest } from "../backup/format.ts";

/** The decision. */
export interface RestoredIdentity {
  copy: boolean;
  /** What still runs of the daemon that made the backup, one phrase each. */
  running: string[];
  /** Whether it is restored into the directory that it ran from, where its runs can be adopted. */
  inPlace: boolean;
}

/** How many phrases fit into the line of an error. */
const NAMED = 4;

/**
 * Decides the identity before anything is written.
 *
 * @throws {RuneError} `failed_precondition` if something still runs and neither flag was given, or if a copy
 * would share something with its original; `invalid_argument` for both flags at once.
 */
export async function decideIdentity(
  manifest: Manifest,
  settings: Pick<Settings, "dataDir" | "storage" | "crypto" | "docker">,
  { takeOver, asCopy, ask }: Pick<RestoreOptions, "takeOver" | "asCopy" | "ask">,
): Promise<RestoredIdentity> {
  if (takeOver && asCopy) {
    throw new RuneError("invalid_argument", "--take-over and --as-copy exclude each other", {
      hint: "take over if the former daemon is gone; restore a copy to run beside it",
    });
  }
  const { daemonId, place } = manifest;
  const { dataDir, docker } = settings;
  const daemon = findRunningDaemon(daemonId);
  if (daemon && !asCopy) throw daemonRuns(daemonId, daemon);
  const running = await findStillRunning({
    daemonId,
    dataDirs: [dataDir, ...place ? [place.dataDir] : []],
    socket: docker.socket,
  });
  const inPlace = place !== undefined && await isStill(dataDir, place);
  const answer = asCopy
    ? "as-copy"
    : takeOver || running.length === 0 || inPlace
    ? "take-over"
    : await ask?.(running);
  if (answer === undefined) throw stillRuns(running);
  if (answer === "as-copy") await requireOwnPlaces(settings);
  return { copy: answer === "as-copy", running, inPlace };
}

/**
 * Whether a directory is still the one of a place. The inode alone is no proof: a new directory may have it,
 * but no records.
 */
async function isStill(dataDir: string, place: Place): Promise<boolean> {
  if (!isSamePlace(place, await findPlace(dataDir))) return false;
  return await Deno.stat(`${dataDir}/processes`).then(({ isDirectory }) => isDirectory, () => false);
}

function daemonRuns(daemonId: string, { holder }: RunningDaemon): RuneError {
  const [, pid, dataDir] = /^(\d+) (.+)$/.exec(holder) ?? [];
  const where = pid === undefined ? "on this host" : `with the data directory ${dataDir} (pid ${pid})`;
  return new RuneError(
    "failed_precondition",
    `the daemon ${daemonId} that made this backup is running, ${where}; nothing was restored`,
    { hint: "stop that daemon first; to restore a copy that can run beside it, add --as-copy" },
  );
}

function stillRuns(running: string[]): RuneError {
  const named = running.slice(0, NAMED).join("; ");
  const more = running.length > NAMED ? `; and ${running.length - NAMED} more` : "";
  return new RuneError(
    "failed_precondition",
    `parts of the daemon that made this backup still run: ${named}${more}; nothing was restored`,
    {
      hint:
        "if that daemon is gone and this one replaces it, add --take-over, which stops what is left of it; " +
        "to restore a copy that can run beside it, add --as-copy",
    },
  );
}
