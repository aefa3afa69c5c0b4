/**
 * One daemon id runs once on a host. Two data directories hold the same id after one was copied, or restored
 * from the backup of the other; each would take the containers, processes and routes of the other for its
 * own, or for strays. So a file named after the id is locked for the life of the daemon, before anything
 * acts, and a copy is refused while its original is there.
 * @module
 */
import { join } from "node:path";
import { lockFile, noteHolder } from "../../base/file_lock.ts";
import { isSamePlace, type Place } from "../../runners/engine_bond.ts";
import { RuneError } from "../../model/error.ts";
import type { Store } from "../../store/store.ts";
import { ensureDaemonId, findPlace, readEngine, readPlace, writePlace } from "./daemon_identity.ts";

/** What a daemon holds while it runs. */
export interface HeldIdentity extends Disposable {
  daemonId: string;
  place: Place;
}

/**
 * Takes the daemon's id for this process.
 *
 * @throws {RuneError} `failed_precondition` when it runs elsewhere on this host, or the data directory is a
 * copy of one that is still there.
 */
export async function holdDaemonId(store: Store, dataDir: string): Promise<HeldIdentity> {
  const daemonId = await ensureDaemonId(store);
  const place = await findPlace(dataDir);
  using cleanup = new DisposableStack();
  cleanup.use(lockId(daemonId, place.dataDir));
  const last = await readPlace(store);
  if (last && !isSamePlace(last, place) && await isThere(last)) throw copiedDirectoryError(place, last);
  // Where an Engine is known, the place is recorded when that has agreed.
  if (!last && !await readEngine(store)) await writePlace(store, place);
  const held = cleanup.move();
  return { daemonId, place, [Symbol.dispose]: () => held.dispose() };
}

/** Where the locks are: memory of the host that a restart of it clears. */
export function lockDirectory(): string {
  const uid = Deno.uid();
  if (uid === 0) return "/run/rune/daemons";
  const runtime = Deno.env.get("XDG_RUNTIME_DIR");
  return runtime ? join(runtime, "rune", "daemons") : `/tmp/rune-${uid}/daemons`;
}

function lockId(daemonId: string, dataDir: string): Disposable {
  const directory = lockDirectory();
  const path = join(directory, encodeURIComponent(daemonId));
  try {
    ensureOwn(directory);
    for (;;) {
      const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
      using cleanup = new DisposableStack();
      const lock = lockFile(file);
      if (!lock) throw runs(daemonId, Deno.readTextFileSync(path));
      cleanup.use(lock);
      // Another one may have taken its path meanwhile.
      if (inodeOf(path) !== file.statSync().ino) continue;
      noteHolder(file, `${Deno.pid} ${dataDir}\n`);
      // Nobody can lock it between the two: whoever has opened it looks whether it is still there.
      cleanup.defer(() => removeFile(path));
      return cleanup.move();
    }
  } catch (error) {
    if (error instanceof RuneError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new RuneError("failed_precondition", `cannot lock the daemon's id in ${directory}: ${reason}`, {
      hint: Deno.uid() === 0
        ? "make /run writable, as a tmpfs"
        : "set XDG_RUNTIME_DIR to a directory that belongs to this user alone",
      cause: error,
    });
  }
}

function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It is removed already, or stays until the host restarts, and locks nothing.
  }
}

function inodeOf(path: string): number | null {
  try {
    return Deno.lstatSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * Makes the directory and its parent; neither may be another user's, who could let two daemons lock two
 * files.
 */
function ensureOwn(directory: string): void {
  const parent = join(directory, "..");
  for (const path of [parent, directory]) {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    const { isDirectory, uid, mode } = Deno.lstatSync(path);
    if (!isDirectory || uid !== Deno.uid() || ((mode ?? 0) & 0o022) !== 0) {
      throw new Error(`${path} is not a directory of this user alone`);
    }
  }
}

const COPY_HINT =
  "to run a copy beside it, restore a backup as a daemon of its own: rune admin restore --as-copy";

function runs(daemonId: string, holder: string): RuneError {
  const [, pid, dataDir] = /^(\d+) (.+)$/m.exec(holder) ?? [];
  const where = pid === undefined
    ? "elsewhere on this host"
    : `with the data directory ${dataDir} (pid ${pid})`;
  return new RuneError("failed_precondition", `the daemon ${daemonId} runs already, ${where}`, {
    hint: `stop that one first; ${COPY_HINT}`,
  });
}

/** Whether a place still is what it was. */
async function isThere({ dataDir, inode }: Place): Promise<boolean> {
  try {
    await Deno.stat(join(dataDir, "state.db"));
    return String((await Deno.stat(dataDir)).ino ?? "") === inode;
  } catch {
    return false;
  }
}

function copiedDirectoryError(place: Place, original: Place): RuneError {
  return new RuneError(
    "failed_precondition",
    `${place.dataDir} is a copy of the data directory ${original.dataDir}, whose daemon it would take for itself`,
    { hint: `start that one, or move it away if this one takes its place; ${COPY_HINT}` },
  );
}
