/**
 * Ensures that one daemon id runs only once on a host. A copy of a data directory, or a restore of its
 * backup, has the same id. Each of the two daemons would treat the containers, processes and routes of the
 * other as its own, or as strays. So a daemon locks a file named after its id before it does anything, and a
 * copy is refused while its original exists.
 * @module
 */
import { join } from "node:path";
import { lockFile, noteHolder } from "../../base/file_lock.ts";
import { isSamePlace, type Place } from "../../runners/engine_bond.ts";
import { RuneError } from "../../model/error.ts";
import type { Store } from "../../store/store.ts";
import { ensureDaemonId, findPlace, readEngine, readPlace, writePlace } from "./daemon_identity.ts";

/** The identity of a running daemon, and the lock on it. */
export interface HeldIdentity extends Disposable {
  daemonId: string;
  place: Place;
}

/**
 * Locks the daemon's id for this process.
 *
 * @throws {RuneError} `failed_precondition` if the id already runs on this host, or if the data directory is
 * a copy of one that still exists.
 */
export async function holdDaemonId(store: Store, dataDir: string): Promise<HeldIdentity> {
  const daemonId = await ensureDaemonId(store);
  const place = await findPlace(dataDir);
  using cleanup = new DisposableStack();
  cleanup.use(lockId(daemonId, place.dataDir));
  const last = await readPlace(store);
  if (last && !isSamePlace(last, place) && await isThere(last)) throw copiedDirectoryError(place, last);
  // If an Engine is known, the place is recorded only when that Engine has agreed.
  if (!last && !await readEngine(store)) await writePlace(store, place);
  const held = cleanup.move();
  return { daemonId, place, [Symbol.dispose]: () => held.dispose() };
}

/** The directory of the locks, in memory, so that a restart of the host removes them. */
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
      // Another file may have its path by now.
      if (inodeOf(path) !== file.statSync().ino) continue;
      noteHolder(file, `${Deno.pid} ${dataDir}\n`);
      // No other process can lock it in between: after opening it, each checks that it still exists.
      cleanup.defer(() => removeFile(path));
      return cleanup.move();
    }
  } catch (error) {
    if (error instanceof RuneError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new RuneError("failed_precondition", `cannot lock the daemon's id in ${directory}: ${reason}`, {
      hint: Deno.uid() === 0
        ? "make /run writable, as a tmpfs"
        : "set XDG_RUNTIME_DIR to a directory that only this user can write to",
      cause: error,
    });
  }
}

function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was already removed, or it stays until the host restarts. Either way it locks nothing.
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
 * Creates the directory and its parent. Another user who owned one could make two daemons lock different
 * files.
 */
function ensureOwn(directory: string): void {
  const parent = join(directory, "..");
  for (const path of [parent, directory]) {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    const { isDirectory, uid, mode } = Deno.lstatSync(path);
    if (!isDirectory || uid !== Deno.uid() || ((mode ?? 0) & 0o022) !== 0) {
      throw new Error(`${path} is not a directory that only this user can write to`);
    }
  }
}

const COPY_HINT = "to run a copy beside it, restore a backup with a new id: rune admin restore --as-copy";

function runs(daemonId: string, holder: string): RuneError {
  const [, pid, dataDir] = /^(\d+) (.+)$/m.exec(holder) ?? [];
  const where = pid === undefined
    ? "elsewhere on this host"
    : `with the data directory ${dataDir} (pid ${pid})`;
  return new RuneError("failed_precondition", `the daemon ${daemonId} is already running, ${where}`, {
    hint: `stop that one first; ${COPY_HINT}`,
  });
}

/** Whether a place still has the same data directory. */
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
    `${place.dataDir} is a copy of the data directory ${original.dataDir}, and has the id of its daemon`,
    { hint: `start that one, or move it away if this one replaces it; ${COPY_HINT}` },
  );
}
