/**
 * Where the local driver keeps what, below one root. Volumes are plain directories that root may look at; all
 * else hides behind a leading dot, which no namespace can have. All of it that is no volume is closed to
 * other users.
 *
 *     <ns>/<name>                   a volume
 *     .rune/<ns>/<name>.json        who made it: outside the data, so that no workload can change it
 *     .snapshots/<ns>/<uid>         a snapshot
 *     .trash/<id>/{manifest.json,data}   a deleted volume
 *     <any of them>/.<base>.<token>.partial    it is being made, and hidden until an atomic rename
 *     <any of them>/.<base>.<token>.removing   it is being removed
 * @module
 */
import { basename, dirname, join, relative } from "node:path";
import { RuneError } from "../../model/error.ts";
import { isName } from "../../model/name.ts";
import { ensureDirectory, lookAtDirectory } from "../directories.ts";
import { errnoOf } from "../host_error.ts";

/**
 * Nobody but the daemon's user passes: neither to a neighbour's data by its path, nor to a setuid file that a
 * container made. Containers and processes do not need to, for they have their volume at a mount of their
 * own.
 */
const CLOSED = 0o700;
const UID = /^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/;
const HIDDEN = /^\.(.+)\.([0-9a-f]{12})\.(partial|removing)$/;

/** Names a volume by its place. */
export interface VolumePlace {
  namespace: string;
  name: string;
}

/** Paths below one root. */
export class LocalLayout {
  readonly root: string;
  // Marks the hidden directories of this object, so that a sweep leaves them alone.
  readonly #token: string = crypto.randomUUID().slice(0, 8);

  constructor(root: string) {
    this.root = root;
  }

  /** The volume's directory. @throws {RuneError} `invalid_argument` when a name is none. */
  volume(place: VolumePlace): string {
    return join(this.root, checkName(place.namespace), checkName(place.name));
  }

  /** The file that says who made the volume. */
  marker(place: VolumePlace): string {
    return join(this.root, ".rune", checkName(place.namespace), `${checkName(place.name)}.json`);
  }

  /** The snapshot's directory. */
  snapshot(ref: { namespace: string; uid: string }): string {
    return join(this.root, ".snapshots", checkName(ref.namespace), checkUid(ref.uid));
  }

  get trash(): string {
    return join(this.root, ".trash");
  }

  /** A hidden name beside `path`, on the same filesystem. */
  makeHiddenPath(path: string, purpose: "partial" | "removing"): string {
    // Never the same twice: a copy whose daemon was killed may go on for a while, and must not meet the next
    // one.
    const token = this.#token + crypto.randomUUID().slice(0, 4);
    return join(dirname(path), `.${basename(path)}.${token}.${purpose}`);
  }

  /**
   * Makes the directory that will hold `path`, one of the paths above, and refuses symbolic links on the way.
   */
  async ensureParent(path: string): Promise<void> {
    if (await lookAtDirectoryAt(this.root) === "absent") {
      await Deno.mkdir(this.root, { recursive: true, mode: CLOSED });
      await Deno.chmod(this.root, CLOSED);
    }
    const parts = relative(this.root, dirname(path)).split("/");
    for (const n of parts.keys()) await ensureDirectory(join(this.root, ...parts.slice(0, n + 1)), CLOSED);
  }

  /**
   * Closes to other users what an earlier version, or somebody else, left open: the root, and all below it
   * that is not a volume or a snapshot. Done when the root is not there yet.
   *
   * @returns the directories that belong to another user, and so could not be closed.
   */
  async close(): Promise<string[]> {
    const root = await Deno.realPath(this.root).catch(() => undefined);
    if (root === undefined) return [];
    const hidden = [".rune", ".snapshots", ".trash"].map((name) => join(root, name));
    const namespaces = await Promise.all(
      [root, ...hidden.slice(0, 2)].map(async (at) =>
        (await directoriesIn(at)).filter(isName).map((name) => join(at, name))
      ),
    );
    const entries = (await directoriesIn(hidden[2]!)).filter(isUid).map((id) => join(hidden[2]!, id));
    const open: string[] = [];
    for (const path of [root, ...hidden, ...namespaces.flat(), ...entries]) {
      if (!await closeDirectory(path)) open.push(path);
    }
    return open;
  }

  /** Directories in which volumes and snapshots appear, and so hidden leftovers can be. */
  async sweepable(): Promise<string[]> {
    const namespaces = (await directoriesIn(this.root)).filter(isName);
    const snapshots = (await directoriesIn(join(this.root, ".snapshots"))).filter(isName);
    return [
      ...namespaces.map((ns) => join(this.root, ns)),
      ...snapshots.map((ns) => join(this.root, ".snapshots", ns)),
    ];
  }

  /**
   * Hidden directories in `directory` that an interrupted call left.
   *
   * @param base Only those made for this name, also by this object; else all that other objects made.
   */
  async leftovers(directory: string, base?: string): Promise<string[]> {
    return (await directoriesIn(directory)).filter((entry) => {
      const [, of, token] = HIDDEN.exec(entry) ?? [];
      return of !== undefined && (base === undefined ? !token!.startsWith(this.#token) : of === base);
    }).map((entry) => join(directory, entry));
  }
}

/**
 * Makes a directory its owner's alone. Done when it is not there.
 * @returns false when it is another user's.
 */
async function closeDirectory(path: string): Promise<boolean> {
  try {
    const { isDirectory, mode } = await Deno.lstat(path);
    if (isDirectory && (mode! & 0o7777) !== CLOSED) await Deno.chmod(path, CLOSED);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return true;
    if (errnoOf(error) === "EPERM") return false;
    throw error;
  }
}

// The root alone may be a symbolic link: the operator placed it.
async function lookAtDirectoryAt(root: string) {
  try {
    return await lookAtDirectory(await Deno.realPath(root));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "absent";
    throw error;
  }
}

/** Names of the directories in a directory; none when it is not there. */
export async function directoriesIn(directory: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(directory))).filter((e) => e.isDirectory).map((e) => e.name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function checkName(name: string): string {
  if (isName(name)) return name;
  throw new RuneError("invalid_argument", `"${name}" is not a name of a namespace or volume`, {
    hint: "use lower-case letters, digits and '-'",
  });
}

/** Whether this can be a uid, and so part of a path. */
export function isUid(uid: string): boolean {
  return UID.test(uid);
}

/** The uid. @throws {RuneError} `invalid_argument` when it is none. */
export function checkUid(uid: string): string {
  if (isUid(uid)) return uid;
  throw new RuneError("invalid_argument", `"${uid}" is not a uid`, { hint: "use the uid that Rune shows" });
}
