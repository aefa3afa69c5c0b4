/**
 * Who a restored daemon will be: the one that made the backup, or a copy of it. Asks where something of that
 * one still runs.
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

/** What was decided. */
export interface RestoredIdentity {
  copy: boolean;
  /** What of the daemon that made the backup still runs, a phrase each. */
  running: string[];
  /** It goes on in the very directory that it runs from, and is adopted there. */
  inPlace: boolean;
}

/** Phrases that an error's one line holds. */
const NAMED = 4;

/**
 * Decides; nothing was written yet.
 *
 * @throws {RuneError} `failed_precondition` when something still runs and nobody said what to do, or when a
 * copy would share something with its original; `invalid_argument` for both flags at once.
 */
export async function decideIdentity(
  manifest: Manifest,
  settings: Pick<Settings, "dataDir" | "storage" | "crypto" | "docker">,
  { takeOver, asCopy, ask }: Pick<RestoreOptions, "takeOver" | "asCopy" | "ask">,
): Promise<RestoredIdentity> {
  if (takeOver && asCopy) {
    throw new RuneError("invalid_argument", "--take-over and --as-copy are two different things", {
      hint: "take over when the former daemon is gone; restore a copy to run beside it",
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
 * Whether a directory still is the one of a place. An inode alone may be that of a new directory, which has
 * no records.
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
    `the daemon ${daemonId} that made this backup runs, ${where}; nothing was restored`,
    { hint: "stop that daemon first; to make a daemon of its own beside it: --as-copy" },
  );
}

function stillRuns(running: string[]): RuneError {
  const named = running.slice(0, NAMED).join("; ");
  const more = running.length > NAMED ? `; and ${running.length - NAMED} more` : "";
  return new RuneError(
    "failed_precondition",
    `of the daemon that made this backup there still runs: ${named}${more}; nothing was restored`,
    {
      hint:
        "when that daemon is gone and this one takes its place, which stops what is left of it: --take-over; " +
        "to make a daemon of its own beside it: --as-copy",
    },
  );
}
