/** Directories of the host that no workload may use: those of Rune, and those of the system. @module */
import type { FileHandle } from "node:fs/promises";
import { SYSTEM_DIRECTORIES } from "../../model/system_directories.ts";
import { isWithin, relate, whereIs } from "../open_directory.ts";
import { errnoOf } from "../host_error.ts";

/** Why a directory is protected, as the end of a sentence; undefined if it is not. */
export type Protection = string | undefined;

/** The protected directories: those of the system, the given ones, and every directory that contains one. */
export class ProtectedDirectories {
  readonly #own: { path: string; what: string }[];

  /** @param own directories of the daemon, absolute, and what each is: `the data directory of Rune`. */
  constructor(own: { path: string; what: string }[]) {
    this.#own = own;
  }

  get #all() {
    return [...this.#own, ...SYSTEM_DIRECTORIES.map((path) => ({ path, what: "a directory of the system" }))];
  }

  /**
   * Checks a path without touching the host. Links and bind mounts may hide what only {@linkcode judge}
   * finds.
   */
  judgePath(path: string): Protection {
    for (const { path: at, what } of this.#all) {
      if (isWithin(path, at)) return describe({ at, what, how: path === at ? "is" : "lies inside" });
      if (isWithin(at, path)) return describe({ at, what, how: "contains" });
    }
  }

  /**
   * Checks an open directory by its identity, not by its name.
   *
   * @param inside check only whether it lies inside a protected directory.
   */
  async judge(directory: FileHandle, { inside = false } = {}): Promise<Protection> {
    const here = await whereIs(directory);
    for (const { path: at, what } of this.#all) {
      const there = await whereIs(at).catch((error) => {
        if (errnoOf(error) !== "ENOENT") throw error;
      });
      const relation = there && relate(here, there);
      if (!relation || (inside && relation === "around")) continue;
      const how = relation === "same" ? "is" : relation === "inside" ? "lies inside" : "contains";
      return describe({ at, what, how });
    }
  }
}

const describe = ({ at, what, how }: { at: string; what: string; how: string }) => `${how} ${at}, ${what}`;
