/** Stages of a daemon that may mount, and of one that may not. @module */
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

/** Shows directories as bind mounts below one directory, which is root's alone. */
export class BindStage implements Stage {
  readonly #root: string;
  readonly #locks = new KeyedLock();

  /** @param root made when missing; what leads to it exists. */
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

  /** Removes the stage's own directory, when it shows nothing. It is made again when it is needed. */
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
      // As the kernel names it in its table of mounts.
      const path = join(await Deno.realPath(this.#root), id);
      return await this.#locks.run([id], { work: () => work(path), signal });
    } catch (error) {
      throw callError(error, { what, signal });
    }
  }
}

/**
 * Hands out the real paths of directories, for a daemon that may not mount: all that was checked holds until
 * somebody moves them.
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

/** Ends everything that a stage shows; what cannot be ended stays. Runs that have it mounted keep it. */
export async function clearStage(stage: Stage, signal: AbortSignal): Promise<void> {
  const ids = await stage.list().catch(() => []);
  await Promise.allSettled(ids.map((id) => stage.hide(id, signal)));
  if (stage instanceof BindStage) await stage.removeEmpty();
}

/**
 * Below it each daemon that is root has its stage, by its id. Not in the data directory: `rm -r` of that,
 * after a daemon was killed, would go through what is shown and take volumes with it.
 */
const STAGES = "/run/rune/mounts";

/** Where the stage of a daemon is. */
export const stagePath = (daemonId: string): string => join(STAGES, daemonId);

/**
 * The stage that this daemon can have; `<dataDir>/mounts` leads to it.
 *
 * @returns also why it is a plain one, for a daemon that is root.
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
