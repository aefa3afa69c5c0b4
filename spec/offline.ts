/** What the daemon's side of the program does for the command line without a daemon that runs. @module */

/** `rune admin restore`. */
export interface RestoreOptions {
  /** Path of the backup. */
  file: string;
  /** As for `rune serve`: they say where the data directory and the volumes are. */
  config?: string;
  dataDir?: string;
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
