/**
 * Files that a run reads: a private directory for each run, `<root>/<instanceUid>-<run>/`, closed to
 * everybody but the daemon's user, with one directory in it for each mount. What is bind-mounted is the inner
 * directory, so that inside the run its files can be reached by whom their mode allows. A run with secrets
 * gets a filesystem in memory where the host can mount one.
 * @module
 */
import { dirname, join } from "node:path";
import type { RunRef } from "../runners/runner.ts";
import { RuneError, toRuneError } from "../model/error.ts";
import type { FileMount, RunFiles } from "./files.ts";

/** Mounts a filesystem in memory; given only where the daemon may mount. */
export interface MemoryMounts {
  /** @throws {RuneError} where the host does not allow it. */
  mount(directory: string, options: { bytes: number }): Promise<void>;
  /** Done when nothing is mounted there. */
  unmount(directory: string): Promise<void>;
  /**
   * Where filesystems in memory of this daemon are mounted, be it by an earlier one, below another directory.
   */
  list(): Promise<string[]>;
  /** Takes a mount away also while it is in use; its memory is free when nobody has it any more. */
  detach(directory: string): Promise<void>;
}

/** Room for file system structures beside the content. */
const MEMORY_SLACK = 1 << 20;

/**
 * @param options.root the directory that they are below.
 * @param options.memory left out where the daemon may not mount.
 * @param options.onDisk is told why secrets are in files on the disk all the same.
 * @param options.onLeft is told which mount of an earlier place stays, and why.
 */
export function createRunFiles(
  { root, memory, onDisk, onLeft }: {
    root: string;
    memory?: MemoryMounts;
    onDisk?: (reason: RuneError) => void;
    onLeft?: (path: string, reason: RuneError) => void;
  },
): RunFiles {
  const directoryOf = ({ instanceUid, run }: RunRef) => join(root, `${instanceUid}-${run}`);

  async function discard(directory: string): Promise<void> {
    await memory?.unmount(directory);
    await Deno.remove(directory, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }

  async function list(): Promise<RunRef[]> {
    try {
      return (await Array.fromAsync(Deno.readDir(root))).flatMap(({ name }) => {
        const match = /^(.+)-(\d+)$/.exec(name);
        return match ? [{ instanceUid: match[1]!, run: Number(match[2]) }] : [];
      });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  async function removeWhere(unwanted: (run: RunRef) => boolean, signal: AbortSignal): Promise<void> {
    for (const run of (await list()).filter(unwanted)) {
      signal.throwIfAborted();
      await discard(directoryOf(run));
    }
  }

  /**
   * Takes away what lies elsewhere: a data directory that was moved away or restored at another place leaves
   * its mounts, and with them the values of secrets in memory. A run that goes on from there keeps its files,
   * as what it sees is a mount of its own that ends with it.
   */
  async function detachElsewhere(signal: AbortSignal): Promise<number> {
    const here = await Deno.realPath(root).catch(() => root);
    const elsewhere = (await memory?.list() ?? []).filter((path) => dirname(path) !== here);
    let detached = 0;
    for (const path of elsewhere) {
      signal.throwIfAborted();
      // One that cannot be had, below another mount say, must not keep the rest.
      await memory?.detach(path).then(() => detached++, (error) => onLeft?.(path, toRuneError(error)));
    }
    return detached;
  }

  async function make(directory: string, mounts: FileMount[]): Promise<void> {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    await Deno.chmod(directory, 0o700);
    if (memory && mounts.some((mount) => mount.inMemory)) {
      const bytes = mounts.flatMap((m) => m.files).reduce((sum, { text }) => sum + 3 * text.length + 8192, 0);
      // A container of its own may forbid mounts even to root: then the private directory must do.
      await memory.mount(directory, { bytes: bytes + MEMORY_SLACK })
        .catch((error) => onDisk?.(toRuneError(error)));
    }
    for (const [i, mount] of mounts.entries()) await fill(join(directory, `${i}`), mount);
  }

  return {
    async prepare(run, { mounts, signal }) {
      const directory = directoryOf(run);
      await removeWhere((other) => other.instanceUid === run.instanceUid && other.run < run.run, signal);
      if (mounts.length === 0) return [];
      try {
        await discard(directory);
        await make(directory, mounts);
      } catch (error) {
        await discard(directory).catch(() => {});
        throw explain(error);
      }
      return mounts.map(({ target }, i) => ({ source: join(directory, `${i}`), target, readOnly: true }));
    },
    remove: (instanceUid, signal) => removeWhere((run) => run.instanceUid === instanceUid, signal),
    list,
    async discard(runs, signal) {
      for (const run of runs) {
        signal.throwIfAborted();
        await discard(directoryOf(run));
      }
    },
    detachElsewhere,
  };
}

async function fill(directory: string, { files, user, group, mode }: FileMount): Promise<void> {
  await makeOpen(directory);
  for (const { path, text } of files) {
    const file = join(directory, path);
    for (const parent of parentsOf(path)) await makeOpen(join(directory, parent));
    await Deno.writeTextFile(file, text, { createNew: true, mode: 0o600 });
    if (user !== undefined || group !== undefined) await Deno.chown(file, user ?? null, group ?? null);
    // What was stored before such modes were refused makes no setuid file either.
    await Deno.chmod(file, mode & 0o777);
  }
}

/** `a/b/c` → `a`, `a/b`. */
function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === "." ? [] : [...parentsOf(parent), parent];
}

async function makeOpen(directory: string): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  await Deno.chmod(directory, 0o755);
}

function explain(thrown: unknown): RuneError {
  const { message } = toRuneError(thrown);
  if (thrown instanceof Deno.errors.PermissionDenied) {
    return new RuneError("failed_precondition", `the files of its mounts cannot be made: ${message}`, {
      hint: "run the daemon as root, or leave out user and group of the mount",
      cause: thrown,
    });
  }
  return new RuneError("unavailable", `the files of its mounts cannot be made: ${message}`, {
    hint: "look at the room and the permissions of the data directory",
    cause: thrown,
  });
}
