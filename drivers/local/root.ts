/**
 * Guards the root of the local driver: it must be on its own filesystem, and no other daemon may use it.
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

/** The guard of one root. */
export class LocalRoot {
  readonly #layout: LocalLayout;
  readonly #owner: Owner | undefined;
  readonly #memory: LocalRootMemory;
  #held: { lock: Disposable; directory: string } | undefined;

  /** @param options.memory a file outside the root; see {@linkcode LocalRootMemory}. */
  constructor(layout: LocalLayout, { owner, memory }: { owner?: Owner; memory?: string }) {
    this.#layout = layout;
    this.#owner = owner;
    this.#memory = new LocalRootMemory(layout.root, { file: memory });
  }

  /**
   * Asserts that this daemon may use the root. Call it before anything is done below the root.
   *
   * @param ctx the volume of the call; absent if nothing will be created.
   * @throws {RuneError} `unavailable` while another filesystem is there; `failed_precondition` if another
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
   * Locks the root against other daemons once it exists. A new directory in its place, as of a mounted disk,
   * is locked again.
   */
  hold(): void {
    if (!this.#owner) return;
    const directory = identityNow(this.#layout.root);
    if (this.#held?.directory === directory) return;
    this.release();
    const lock = lockRoot(this.#layout, this.#owner);
    if (lock && directory !== undefined) this.#held = { lock, directory };
  }

  /** Releases the lock, if it is held. */
  release(): void {
    this.#held?.lock[Symbol.dispose]();
    this.#held = undefined;
  }

  /** Finds the filesystem of a volume's directory. */
  async filesystemOf(ctx: VolumeContext): Promise<Filesystem> {
    return (await this.#locate(this.#layout.volume(ctx.volume), ctx.signal)).filesystem;
  }

  /** Whether the filesystem recorded for the volume proves that this root is the right one. */
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
