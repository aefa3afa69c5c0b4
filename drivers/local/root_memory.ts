/**
 * Records the filesystem of the local driver's root, in a file outside the root, so that nothing is created,
 * listed or removed below the mount point of a missing disk. See docs/decisions/0046.
 * @module
 */
import { z } from "zod";
import { KeyedLock } from "../../base/keyed_lock.ts";
import {
  type Filesystem,
  FilesystemAway,
  filesystemSchema,
  isSameFilesystem,
} from "../../model/filesystem.ts";
import { readJson, removeAside, writeJson } from "../json_file.ts";
import { describeDifference } from "../filesystem.ts";

const memorySchema = z.object({
  /** The root to which the record belongs; it says nothing about another root. */
  root: z.string(),
  filesystem: filesystemSchema,
});

/** The recorded filesystem of one root. */
export class LocalRootMemory {
  readonly #root: string;
  readonly #file: string | undefined;
  #known: Filesystem | undefined;
  #read = false;
  readonly #lock = new KeyedLock();

  /** @param options.file the file of the record; without one it exists only in this object. */
  constructor(root: string, { file }: { file?: string | undefined }) {
    this.#root = root;
    this.#file = file;
  }

  /** Compares a filesystem with the recorded one. */
  async compare(found: Filesystem): Promise<"same" | "other" | "unknown"> {
    const known = await this.#recall();
    return !known ? "unknown" : isSameFilesystem(known, found) ? "same" : "other";
  }

  /** Creates the error for another filesystem. */
  async makeAwayError(found: Filesystem): Promise<FilesystemAway> {
    const expected = (await this.#recall())!;
    return new FilesystemAway(
      `the volume root ${this.#root} is not on the filesystem that it was on: ` +
        `${describeDifference(expected, found)}; nothing is written there`,
      "mount its disk, and Rune continues by itself; to use the current filesystem instead: " +
        "rune volume retry-provision <a volume that waits for it>",
    );
  }

  /** Records a filesystem that is known to be the right one. */
  async learn(found: Filesystem): Promise<void> {
    // Calls for several volumes may come at once and record the same.
    await this.#lock.run(["write"], { work: () => this.#write(found) });
  }

  async #write(found: Filesystem): Promise<void> {
    if (await this.compare(found) === "same") return;
    if (this.#file !== undefined) {
      await removeAside(this.#file);
      await writeJson(this.#file, { root: this.#root, filesystem: found });
    }
    this.#known = found;
  }

  async #recall(): Promise<Filesystem | undefined> {
    if (this.#read || this.#file === undefined) return this.#known;
    const memory = await readJson(this.#file, memorySchema);
    this.#known = memory?.root === this.#root ? memory.filesystem : undefined;
    this.#read = true;
    return this.#known;
  }
}
