/**
 * The contract between a daemon and the Docker runner about the Engine: what the daemon remembers of the one
 * that its containers are on, so that another one behind the same socket proves nothing. Who remembers it
 * where is no business of the runner.
 * @module
 */

/** A data directory on a host, told from every copy of it. */
export interface Place {
  /** Stands for the machine; empty where that cannot be told. */
  machine: string;
  /** The real path of the data directory, as the daemon sees it. */
  dataDir: string;
  /** Its inode as text: a copy has another, at the same path too. */
  inode: string;
}

/** What a daemon remembers of its Engine. */
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

/** What a person says about an Engine that Rune will not take by itself. */
export interface AdoptionWords {
  /** Every container that this daemon started on its former Engine is gone. */
  containersAreGone: boolean;
  /** Whoever else holds this daemon's id is gone, and will not come back. */
  takeOver: boolean;
}

/** What an adoption came to. */
export interface Adoption {
  /** False when the Engine was this daemon's already. */
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
  /** The Engine that its containers are on; undefined before the first one, and when any will do. */
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
