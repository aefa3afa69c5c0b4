/**
 * The root of the local driver while it is in use: on its own filesystem, and held against other daemons.
 * @module
 */
import { statSync } from "node:fs";
import type { Filesystem } from "../../model/filesystem.ts";
import type { Owner } from "../directory_hold.ts";
import type { VolumeContext } from "../driver.ts";
import { isSameFilesystem } from "../../model/filesystem.ts";
import { type Located, locatePath } from "../filesystem.ts";
import { errnoOf } from "../host_error.ts";
import type { LocalLayout } from "./layout.ts";
import { lockRoot } from "./root_lock.ts";
import { LocalRootMemory } from "./root_memory.ts";

/** See the module comment. */
export class LocalRoot {
  readonly #layout: LocalLayout;
  readonly #owner: Owner | undefined;
  readonly #memory: LocalRootMemory;
  #held: { lock: Disposable; directory: string } | undefined;

  /** @param options.memory a file outside of the root; see {@linkcode LocalRootMemory}. */
  constructor(layout: LocalLayout, { owner, memory }: { owner?: Owner; memory?: string }) {
    this.#layout = layout;
    this.#owner = owner;
    this.#memory = new LocalRootMemory(layout.root, { file: memory });
  }

  /**
   * Makes sure that the root is the daemon's, before anything is done below it.
   *
   * @param ctx the volume for which it is; without one nothing is to be made.
   * @throws {RuneError} `unavailable` while another filesystem is there; `failed_precondition` when another
   * daemon uses the root.
   */
  async enter(signal: AbortSignal, ctx?: VolumeContext): Promise<void> {
    const { filesystem: found } = await this.#locate(this.#layout.root, signal);
    const state = await this.#memory.compare(found);
    if (state !== "same") {
      const isNew = state === "unknown" && ctx !== undefined && ctx.handle === undefined;
      const isRight = isNew || ctx?.acceptFilesystem || ctx && await this.#proves(ctx);
      if (isRight) await this.#memory.learn(found);
      else if (state === "other") throw await this.#memory.makeAwayError(found);
    }
    this.hold();
  }

  /**
   * Keeps other daemons off the root, from when it exists. Another directory in its place, as of a disk that
   * came, is held anew.
   */
  hold(): void {
    if (!this.#owner) return;
    const directory = identityNow(this.#layout.root);
    if (this.#held?.directory === directory) return;
    this.release();
    const lock = lockRoot(this.#layout, this.#owner);
    if (lock && directory !== undefined) this.#held = { lock, directory };
  }

  /** Gives the root up, when it is held. */
  release(): void {
    this.#held?.lock[Symbol.dispose]();
    this.#held = undefined;
  }

  /** The filesystem of a volume's directory. */
  async filesystemOf(ctx: VolumeContext): Promise<Filesystem> {
    return (await this.#locate(this.#layout.volume(ctx.volume), ctx.signal)).filesystem;
  }

  /** Whether the volume's own memory says that this root is the right one. */
  async #proves(ctx: VolumeContext): Promise<boolean> {
    if (!ctx.filesystem) return false;
    const [root, volume] = await Promise.all(
      [this.#layout.root, this.#layout.volume(ctx.volume)].map((path) => this.#locate(path, ctx.signal)),
    );
    return root!.mountId === volume!.mountId && isSameFilesystem(ctx.filesystem, volume!.filesystem);
  }

  #locate(path: string, signal: AbortSignal): Promise<Located> {
    return locatePath(path, { base: this.#layout.root, signal });
  }
}

function identityNow(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}-${ino}`;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
