/**
 * The contract between a daemon and the Docker runner about the Engine of the daemon's containers. The daemon
 * records that Engine, so the answers of another Engine behind the same socket prove nothing. The runner does
 * not know where the record is stored.
 * @module
 */

/** A data directory on a host, which distinguishes it from every copy. */
export interface Place {
  /** Identifies the machine; empty if it is unknown. */
  machine: string;
  /** The real path of the data directory, as the daemon sees it. */
  dataDir: string;
  /** Its inode as text: a copy has another, at the same path too. */
  inode: string;
}

/** A daemon's record of its Engine. */
export interface EngineRecord {
  /** `ID` of `GET /info`. */
  id: string;
  /** `DockerRootDir` of `GET /info`. */
  root: string;
  /** Where the mark is kept on the Engine's disk. */
  mark: string;
  /** Names this bond between daemon and Engine; the mark on the Engine carries it too. */
  nonce: string;
}

/** What a person confirms about an Engine that Rune does not adopt by itself. */
export interface AdoptionWords {
  /** Every container that this daemon started on its former Engine is gone. */
  containersAreGone: boolean;
  /** Any other daemon with this id is gone, and will not come back. */
  takeOver: boolean;
}

/** The result of an adoption. */
export interface Adoption {
  /** False if it already was this daemon's Engine. */
  changed: boolean;
  id: string;
  root: string;
}

/** The daemon's side of the bond. */
export interface EngineBond {
  /** Where this daemon runs. */
  place: Place;
  /** Where it ran last; undefined when a person said that it may run here. */
  lastPlace(): Promise<Place | undefined>;
  /** The Engine of its containers; undefined before the first one, and if any is acceptable. */
  record(): Promise<EngineRecord | undefined>;
  /** Remembers an Engine, durably, and that the daemon runs here. */
  remember(record: EngineRecord): Promise<void>;
  /** Whether containers should be on the Engine: runs of services, or leases that may be held by one. */
  expectsRuns(): boolean;
}

/** Whether two places are the same. */
export function isSamePlace(a: Place, b: Place): boolean {
  return a.machine === b.machine && a.dataDir === b.dataDir && a.inode === b.inode;
}
