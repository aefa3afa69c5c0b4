/**
 * The contract of a node's volumes: it mounts them, shows them to runs and unmounts them. Open handles stay
 * inside the node: callers name a volume by its uid, and get paths and other data. Every call may be
 * repeated, and throws only RuneError.
 * @module
 */
import type { Shortage } from "../base/room.ts";
import type { Growth } from "../drivers/driver.ts";
import type { Filesystem } from "../model/filesystem.ts";
import type { RunnerName } from "../model/instance.ts";
import type { RunRef } from "../runners/runner.ts";
import type { VolumeCall } from "./volume_call.ts";

/** A volume, and the driver that serves it. */
export interface DriverVolume {
  /** The driver's name; absent where none is known. */
  driver: string | undefined;
  call: VolumeCall;
}

/** A run that may be alive, and the parts of a volume that it must have mounted. */
export interface ExpectedMounts {
  runner: RunnerName;
  run: RunRef;
  /** Relative; empty for the volume's root. */
  subPaths: string[];
}

/** The result of a mount. Only `mounted` shows the volume to runs. */
export type MountAnswer =
  /** Its root is at `path` for the runs to come, and it is on `filesystem` where that is known. */
  | { state: "mounted"; path: string; filesystem?: Filesystem } & Growth
  /** Its directory is also that of another volume that is mounted, or lies inside or around it. */
  | { state: "overlaps"; directory: string; volumeUid: string }
  /**
   * A run has another directory mounted than the volume's: the volume can be mounted once that run has been
   * stopped.
   */
  | { state: "stranger"; directory: string; run: RunRef }
  /** It is unknown what a run has mounted. */
  | { state: "unclear"; run: RunRef };

/** A directory by its filesystem and its path in it, which no two directories share. */
export interface FilesystemPlace {
  filesystem: string;
  inFilesystem: string;
}

/** The numbers of a user and a group; what is absent stays as it is. */
export interface OwnerIds {
  user?: number;
  group?: number;
}

/** A mount of an instance, to be made ready for its run. */
export interface PlaceOrder {
  volumeUid: string;
  instanceUid: string;
  /** Counts the mounts of the instance from 0. */
  index: number;
  /** Relative; empty for the volume's root. Made when it is missing. */
  subPath: string;
  /** Of the volume's root, whatever it has. */
  owner: OwnerIds;
  /** Of the volume's root: octal digits. */
  mode?: string;
  /** Whom the volume's root is given to while it is empty and the daemon's own. `owner` goes before it. */
  firstOwner?: OwnerIds;
}

/** What became of a {@linkcode PlaceOrder}. */
export type PlaceAnswer =
  /** A runner is given `source`, and the run must come to have `place` mounted. */
  | { state: "placed"; source: string; place: FilesystemPlace }
  /** The volume's directory is no longer the one that was mounted: the volume must be mounted anew. */
  | { state: "replaced"; message: string; hint: string };

/** A process whose mounts are asked for. */
export interface SeenProcess {
  pid: number;
  /**
   * Its container's id, where the pid comes from an Engine: it may be one of another machine or pid
   * namespace.
   */
  container?: string;
}

/** See the module comment. */
export interface NodeVolumes {
  /**
   * Mounts a volume here, checks it, and shows it. It is shown only if this daemon holds its directory, no
   * other volume has it, it is on its own filesystem, and none of these runs has another directory mounted.
   *
   * @throws {FilesystemAway} when another filesystem is in the place of its own; {RuneError} `conflict` when
   * another daemon holds the directory, `unavailable` when a run cannot be asked.
   */
  mount(volume: DriverVolume, runs: ExpectedMounts[]): Promise<MountAnswer>;
  /**
   * Unmounts a volume, which stays attached until the caller has its driver detach it. Does nothing if the
   * volume is not mounted. The caller must first make sure that no one uses it.
   */
  unmount(volume: DriverVolume): Promise<void>;
  /**
   * Makes one mount of a run ready.
   *
   * @throws {RuneError} `failed_precondition` when the subPath leaves the volume, or the owner cannot be
   * given.
   */
  place(order: PlaceOrder, signal: AbortSignal): Promise<PlaceAnswer>;
  /** Whether a process has every one of these directories mounted. */
  hasMounted(
    process: SeenProcess,
    options: { places: FilesystemPlace[]; signal: AbortSignal },
  ): Promise<boolean | "unknown">;
  /**
   * Whether there is nothing at a path of a mounted volume. No symbolic link is followed; one in the place of
   * the file counts as there.
   *
   * @param file.path relative to the volume's root.
   * @param file.shownAs the path, for messages.
   * @throws {RuneError} `failed_precondition` when a link is on the way; `unavailable` when it cannot be
   * read.
   */
  isMissing(
    file: { volumeUid: string; path: string; shownAs: string },
    signal: AbortSignal,
  ): Promise<boolean>;
  /** What a mounted volume lacks; undefined if there is room or that is unknown. */
  findShortage(volumeUid: string, signal: AbortSignal): Promise<Shortage | undefined>;
  /** The uids of volumes and instances for which something is shown or held here. */
  listOwners(signal: AbortSignal): Promise<string[]>;
  /**
   * Hides what is shown for a volume or an instance, and releases its holds. Runs keep what they have
   * mounted.
   */
  release(ownerUid: string, signal: AbortSignal): Promise<void>;
}
