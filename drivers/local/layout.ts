/**
 * The layout of the local driver below one root. Volumes are plain directories. Everything else has a leading
 * dot, which no namespace can have. Other users can enter only volumes.
 *
 *     <ns>/<name>                   a volume
 *     .rune/<ns>/<name>.json        its origin, outside the data, so that no workload can change it
 *     .snapshots/<ns>/<uid>         a snapshot
 *     .trash/<id>/{manifest.json,data}   a deleted volume
 *     <any of them>/.<base>.<token>.partial    it is being made, and hidden until an atomic rename
 *     <any of them>/.<base>.<token>.removing   it is being removed
 * @module
 */
import { basename, dirname, isAbsolute, join, normalize, relative } from "node:path";
import { RuneError } from "../../model/error.ts";
import { isName } from "../../model/name.ts";
import { ensureDirectory, lookAtDirectory } from "../directories.ts";
import { errnoOf } from "../host_error.ts";

/**
 * Only the daemon's user can enter. Others can reach neither a neighbour's data nor a setuid file of a
 * container by its path. Containers and processes do not need the path, since they have their own mounts.
 */
const CLOSED = 0o700;
const UID = /^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/;
const HIDDEN = /^\.(.+)\.([0-9a-f]{12})\.(partial|removing)$/;

/** The namespace and the name of a volume. */
export interface VolumePlace {
  namespace: string;
  name: string;
}

/** Paths below one root. */
export class LocalLayout {
  readonly root: string;
  // Part of the names of this object's hidden directories, so that its sweep leaves them alone.
  readonly #token: string = crypto.randomUUID().slice(0, 8);

  constructor(root: string) {
    this.root = root;
  }

  /** The directory of a volume. @throws {RuneError} `invalid_argument` for an invalid name. */
  volume(place: VolumePlace): string {
    return join(this.root, checkName(place.namespace), checkName(place.name));
  }

  /** The marker file of a volume. */
  marker(place: VolumePlace): string {
    return join(this.root, ".rune", checkName(place.namespace), `${checkName(place.name)}.json`);
  }

  /** The directory of a snapshot. */
  snapshot(ref: { namespace: string; uid: string }): string {
    return join(this.root, ".snapshots", checkName(ref.namespace), checkUid(ref.uid));
  }

  get trash(): string {
    return join(this.root, ".trash");
  }

  /** A hidden name beside `path`, on the same filesystem. */
  makeHiddenPath(path: string, purpose: "partial" | "removing"): string {
    // Always a new name, since the copy of a killed daemon may continue for a while and must not collide with
    // the next one.
    const token = this.#token + crypto.randomUUID().slice(0, 4);
    return join(dirname(path), `.${basename(path)}.${token}.${purpose}`);
  }

  /**
   * Creates the parent directory of `path`, one of the paths above, and refuses symbolic links on the way.
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
   * Closes directories to other users that an earlier version, or somebody else, left open: the root, and
   * everything below it except volumes and snapshots. Does nothing if the root does not exist yet.
   *
   * @returns the directories of other users, which could not be closed.
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

  /** The directories in which hidden leftovers can be. */
  async sweepable(): Promise<string[]> {
    const namespaces = (await directoriesIn(this.root)).filter(isName);
    const snapshots = (await directoriesIn(join(this.root, ".snapshots"))).filter(isName);
    return [
      ...namespaces.map((ns) => join(this.root, ns)),
      ...snapshots.map((ns) => join(this.root, ".snapshots", ns)),
    ];
  }

  /**
   * Finds hidden directories in `directory` that interrupted calls left.
   *
   * @param base find only those for this name, including those of this object. Default: all except those of
   * this object.
   */
  async leftovers(directory: string, base?: string): Promise<string[]> {
    return (await directoriesIn(directory)).filter((entry) => {
      const [, of, token] = HIDDEN.exec(entry) ?? [];
      return of !== undefined && (base === undefined ? !token!.startsWith(this.#token) : of === base);
    }).map((entry) => join(directory, entry));
  }
}

/**
 * Closes a directory to everybody but its owner. Does nothing if it does not exist.
 * @returns false if it belongs to another user.
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

// Only the root may be a symbolic link, since the operator has placed it.
async function lookAtDirectoryAt(root: string) {
  try {
    return await lookAtDirectory(await Deno.realPath(root));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "absent";
    throw error;
  }
}

/** Lists the names of the directories in a directory; empty if it does not exist. */
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

/** Whether a text is a valid uid, and so a safe part of a path. */
export function isUid(uid: string): boolean {
  return UID.test(uid);
}

/** Returns the uid. @throws {RuneError} `invalid_argument` if it is invalid. */
export function checkUid(uid: string): string {
  if (isUid(uid)) return uid;
  throw new RuneError("invalid_argument", `"${uid}" is not a uid`, { hint: "use the uid that Rune shows" });
}

/** Normalizes a root. @throws {RuneError} `invalid_argument` if it is not an absolute path. */
export function normalizeRoot(root: string): string {
  if (isAbsolute(root)) return normalize(root).replace(/(.)\/+$/, "$1");
  throw new RuneError("invalid_argument", `the volume root "${root}" is not an absolute path`, {
    hint: "set storage.localVolumeRoot to an absolute path",
  });
}
