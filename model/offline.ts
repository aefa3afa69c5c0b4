/** What the daemon's side of the program does for the command line without a daemon that runs. @module */

/** `rune admin restore`. */
export interface RestoreOptions {
  /** Path of the backup. */
  file: string;
  /** As for `rune serve`: they say where the data directory and the volumes are. */
  config?: string;
  dataDir?: string;
  /** The daemon goes on here, although something of it still runs elsewhere: that is stopped at its start. */
  takeOver?: boolean;
  /** A daemon of its own is made of the backup, beside the one that made it. */
  asCopy?: boolean;
  /** Asks a person, where one is there: told what still runs. Without it a restore that would have to ask is refused. */
  ask?(running: string[]): Promise<"take-over" | "as-copy" | undefined>;
}

/** What was restored. */
export interface RestoreReport {
  dataDir: string;
  /** Of the daemon that made the backup. */
  version: string;
  /** RFC 3339. */
  createdAt: string;
  revision: number;
  services: number;
  volumes: number;
  /** Volumes whose data was in the backup. */
  restored: string[];
  /** Volumes whose data was not, and where it was. */
  without: { volume: string; handle: string }[];
  /** The backup held the key of the secrets. */
  kek: boolean;
  /** Of the daemon that will run on it. */
  daemonId: string;
  /** It is a daemon of its own, beside the one that made the backup. */
  copy: boolean;
  /** What of the same daemon still runs, a phrase each. */
  running: string[];
  /** What the operator should know, a sentence each. */
  notes: string[];
}

/** See the module comment. */
export interface Offline {
  /** @throws {RuneError} when nothing was restored. */
  restore(options: RestoreOptions): Promise<RestoreReport>;
  /**
   * Checks a runefile.
   *
   * @returns what its daemon would warn of.
   * @throws {RuneError} `invalid_argument` with every mistake.
   */
  checkRunefile(file: string): Promise<string[]>;
}
