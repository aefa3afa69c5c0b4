/**
 * The filesystem that the root of the local driver is on, remembered outside of it: what is made, listed or
 * removed below the root must not happen below the mount point of a disk that is away. See
 * docs/decisions/0046.
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
  /** The root that it is of: another one has no memory. */
  root: z.string(),
  filesystem: filesystemSchema,
});

/** The memory of one root. */
export class LocalRootMemory {
  readonly #root: string;
  readonly #file: string | undefined;
  #known: Filesystem | undefined;
  #read = false;
  readonly #lock = new KeyedLock();

  /** @param options.file where it is kept; without one nothing is remembered beyond this object. */
  constructor(root: string, { file }: { file?: string | undefined }) {
    this.#root = root;
    this.#file = file;
  }

  /** How a filesystem is to the one that is remembered. */
  async compare(found: Filesystem): Promise<"same" | "other" | "unknown"> {
    const known = await this.#recall();
    return !known ? "unknown" : isSameFilesystem(known, found) ? "same" : "other";
  }

  /** What to say of another one. */
  async makeAwayError(found: Filesystem): Promise<FilesystemAway> {
    const expected = (await this.#recall())!;
    return new FilesystemAway(
      `the volume root ${this.#root} is not on the filesystem that it was on: ` +
        `${describeDifference(expected, found)}; nothing is written there`,
      "mount its disk, and Rune goes on by itself; to use what is there now instead: " +
        "rune volume retry-provision <a volume that waits for it>",
    );
  }

  /** Remembers a filesystem that is known to be the right one. */
  async learn(found: Filesystem): Promise<void> {
    // Calls for several volumes come at once, and learn the same.
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
