/**
 * Creates the directory of a volume completely or not at all, and the marker beside it that records its
 * owner. Takes no locks: callers must hold the lock of the volume.
 * @module
 */
import { basename, dirname } from "node:path";
import { moveEntry, syncDirectory } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { lookAtDirectory } from "../directories.ts";
import type { VolumeContext } from "../driver.ts";
import { removeTree } from "../host.ts";
import { goneDirectoryError } from "./copy.ts";
import type { LocalLayout, VolumePlace } from "./layout.ts";
import { type Marker, readOwnMarker, writeMarker } from "./marker.ts";
import type { LocalOptions } from "./options.ts";
import type { LocalRoot } from "./root.ts";

/** Makes the directories of one root. */
export class VolumeMaker {
  readonly #layout: LocalLayout;
  readonly #root: LocalRoot;
  readonly #owner: LocalOptions["owner"];

  constructor(layout: LocalLayout, { root, owner }: { root: LocalRoot; owner: LocalOptions["owner"] }) {
    this.#layout = layout;
    this.#root = root;
    this.#owner = owner;
  }

  /** Reads the marker beside a volume, if it belongs to this volume. */
  async readOwn({ volume }: VolumeContext): Promise<Marker | undefined> {
    const marker = await this.read(volume);
    return marker?.uid === volume.uid ? marker : undefined;
  }

  /** Reads the marker at a place, whichever volume it belongs to. */
  async read(place: VolumePlace): Promise<Marker | undefined> {
    return await readOwnMarker(this.#layout, place, this.#owner);
  }

  /** Writes the marker of a volume: its owner and its progress. */
  async mark(ctx: VolumeContext, note: Omit<Marker, "uid">): Promise<void> {
    // The root may have been created since the call began.
    this.#root.hold();
    await writeMarker(this.#layout, ctx.volume, { ...note, uid: ctx.volume.uid, ...this.#owner });
  }

  /** Creates the directory of the volume completely, or finds it if an earlier call created it. */
  async make(
    ctx: VolumeContext,
    how: { marker?: Marker; fill: (path: string) => Promise<void> },
  ): Promise<{ handle: string; adopted: boolean }> {
    const { marker } = how;
    const directory = this.#layout.volume(ctx.volume);
    if (await lookAtDirectory(directory) === "absent") {
      if (marker?.state === "ready") throw goneDirectoryError(ctx, directory);
      await this.#layout.ensureParent(directory);
      await this.mark(ctx, { state: "making", adopted: false });
      await this.appear(directory, { ...how, signal: ctx.signal });
    }
    if (marker?.state !== "ready") await this.mark(ctx, { state: "ready", adopted: false });
    return { handle: directory, adopted: marker?.adopted ?? false };
  }

  /** Prepares the path for a directory that will be renamed to it. Only an empty directory may be there. */
  async makeRoom(ctx: VolumeContext, directory: string): Promise<void> {
    const found = await lookAtDirectory(directory);
    if (found === "filled") {
      throw new RuneError("already_exists", `${directory} already holds data`, {
        hint: `move it away, or choose another name than ${ctx.volume.name}`,
        permanent: true,
      });
    }
    if (found === "empty") {
      await Deno.remove(directory);
      await syncDirectory(dirname(directory));
    }
  }

  /** Fills a hidden directory, and renames it to `target`. */
  async appear(
    target: string,
    how: { signal: AbortSignal; fill: (path: string) => Promise<void> },
  ): Promise<void> {
    await this.removeLeftovers(target, { signal: how.signal });
    const hidden = this.#layout.makeHiddenPath(target, "partial");
    try {
      await how.fill(hidden);
      await moveEntry(hidden, target);
    } catch (error) {
      // Even after an abort, since the copy may have filled the disk. A sweep removes what stays.
      await removeTree(hidden, new AbortController().signal).catch(() => {});
      throw error;
    }
  }

  /** Removes the hidden directories of interrupted calls for one path. */
  async removeLeftovers(path: string, options: { signal: AbortSignal; strict?: boolean }): Promise<void> {
    const { signal, strict } = options;
    for (const leftover of await this.#layout.leftovers(dirname(path), basename(path))) {
      // A copy that outlived its daemon may still write there. The next sweep will remove it.
      await removeTree(leftover, signal).catch((error) => {
        if (strict || signal.aborted) throw error;
      });
    }
  }

  /** Removes all hidden directories below the root. @returns the error of one that could not be removed. */
  async sweepLeftovers(signal: AbortSignal): Promise<PromiseRejectedResult | undefined> {
    const directories = await this.#layout.sweepable();
    const leftovers = (await Promise.all(directories.map((path) => this.#layout.leftovers(path)))).flat();
    const removals = await Promise.allSettled(leftovers.map((path) => removeTree(path, signal)));
    return removals.find((removal) => removal.status === "rejected");
  }

  /**
   * @throws {RuneError} if the directory is gone (`unavailable`) or belongs to another volume
   * (`failed_precondition`).
   */
  async requireDirectory(ctx: VolumeContext, directory: string): Promise<void> {
    if (await lookAtDirectory(directory) === "absent") throw goneDirectoryError(ctx, directory);
    const marker = await this.read(ctx.volume);
    if (marker !== undefined && marker.uid !== ctx.volume.uid) {
      throw new RuneError("failed_precondition", `${directory} belongs to another volume of the same name`, {
        hint: "delete this volume; another one has taken its name",
      });
    }
  }
}
