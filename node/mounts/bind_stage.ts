/** The stage of a daemon that may mount, and the stage of one that may not. @module */
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RuneError } from "../../model/error.ts";
import { ensureDirectory } from "../../drivers/directories.ts";
import { bindDirectory, findMount, unmountDirectory } from "../../drivers/host.ts";
import { callError, checkAborted, errnoOf, hostError } from "../../drivers/host_error.ts";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { hasMountsOfItsOwn } from "./mount_view.ts";
import { descriptorPath, identityOf, openDirectory, pathOf } from "../../drivers/open_directory.ts";
import type { Stage } from "./stage.ts";

const ID = /^[A-Za-z0-9][A-Za-z0-9-]*(\.[0-9]+)?$/;

/** Shows directories as bind mounts below one directory that only root can enter. */
export class BindStage implements Stage {
  readonly #root: string;
  readonly #locks = new KeyedLock();

  /** @param root created if missing; its parent must exist. */
  constructor(root: string) {
    this.#root = root;
  }

  async show(id: string, directory: FileHandle, signal: AbortSignal): Promise<string> {
    return await this.#runAlone(id, { verb: "staging", signal }, async (path) => {
      await ensureDirectory(path, 0o700);
      const wanted = await identityOf(`${descriptorPath(directory)}/.`);
      while (await findMount(path)) {
        if (await identityOf(path) === wanted) return path;
        await unmountDirectory(path, signal);
      }
      await bindDirectory(descriptorPath(directory), { directory: path, signal });
      if (await identityOf(path) === wanted) return path;
      await unmountDirectory(path, signal);
      throw new RuneError(
        "unavailable",
        `${path} does not show ${await pathOf(directory)}, which was mounted`,
      );
    });
  }

  async hide(id: string, signal: AbortSignal): Promise<void> {
    await this.#runAlone(id, { verb: "unstaging", signal }, async (path) => {
      while (await findMount(path)) await unmountDirectory(path, signal);
      await Deno.remove(path).catch((error) => {
        if (errnoOf(error) !== "ENOENT") throw error;
      });
    });
  }

  async list(): Promise<string[]> {
    try {
      return (await Array.fromAsync(Deno.readDir(this.#root))).map(({ name }) => name).filter((n) =>
        ID.test(n)
      );
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw hostError(`listing of ${this.#root}`, error);
    }
  }

  /** Removes the stage's own directory if it is empty. The next mount creates it again. */
  async removeEmpty(): Promise<void> {
    await Deno.remove(this.#root).catch(() => {});
  }

  async #runAlone<T>(
    id: string,
    { verb, signal }: { verb: string; signal: AbortSignal },
    work: (path: string) => Promise<T>,
  ): Promise<T> {
    const what = `${verb} of ${id}`;
    if (!ID.test(id)) throw new RuneError("invalid_argument", `"${id}" is not an id of the stage`);
    checkAborted(what, signal);
    try {
      await ensureDirectory(this.#root, 0o700);
      // The real path, as in the kernel's mount table.
      const path = join(await Deno.realPath(this.#root), id);
      return await this.#locks.run([id], { work: () => work(path), signal });
    } catch (error) {
      throw callError(error, { what, signal });
    }
  }
}

/**
 * Returns the real paths of directories, for a daemon that may not mount. The checks are valid until someone
 * moves a directory.
 */
export class PlainStage implements Stage {
  show(_id: string, directory: FileHandle): Promise<string> {
    return pathOf(directory);
  }

  async hide(): Promise<void> {}

  list(): Promise<string[]> {
    return Promise.resolve([]);
  }
}

/** Hides everything that a stage shows, as far as possible. Runs keep what they have mounted. */
export async function clearStage(stage: Stage, signal: AbortSignal): Promise<void> {
  const ids = await stage.list().catch(() => []);
  await Promise.allSettled(ids.map((id) => stage.hide(id, signal)));
  if (stage instanceof BindStage) await stage.removeEmpty();
}

/**
 * Each root daemon has its stage below this directory, named by its id. It is not in the data directory,
 * because `rm -r` of that, after a daemon was killed, would delete the data of mounted volumes.
 */
const STAGES = "/run/rune/mounts";

/** The path of a daemon's stage. */
export const stagePath = (daemonId: string): string => join(STAGES, daemonId);

/**
 * Opens the best stage for this daemon, and links `<dataDir>/mounts` to it.
 *
 * @returns the stage, with a warning if a root daemon only gets a plain one.
 */
export async function openStage(
  { dataDir, daemonId, engineSocket, signal }: {
    dataDir: string;
    daemonId: string;
    engineSocket: string;
    signal: AbortSignal;
  },
): Promise<{ stage: Stage; warning?: string }> {
  if (Deno.uid() !== 0) return { stage: new PlainStage() };
  const makePlain = (why: string) => ({
    stage: new PlainStage(),
    warning:
      `${why}: volumes are given to containers and processes by their real paths, which others may change`,
  });
  if (await hasMountsOfItsOwn(engineSocket)) {
    return makePlain("the daemon has a view of mounts of its own, which the Docker Engine does not see");
  }
  const root = stagePath(daemonId);
  const stage = new BindStage(root);
  try {
    for (const directory of [dirname(STAGES), STAGES, root]) await ensureDirectory(directory, 0o700);
    await using itself = await openDirectory(await Deno.realPath(root));
    await stage.show("probe", itself, signal);
    await stage.hide("probe", signal);
    await linkTo(root, join(dataDir, "mounts"));
    return { stage };
  } catch (error) {
    return makePlain(`the daemon cannot mount (${hostError("trial", error).message})`);
  }
}

async function linkTo(target: string, path: string): Promise<void> {
  if (await Deno.readLink(path).catch(() => undefined) === target) return;
  await Deno.remove(path).catch((error) => {
    if (errnoOf(error) !== "ENOENT") throw error;
  });
  await Deno.symlink(target, path);
}
