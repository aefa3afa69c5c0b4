/** What `rune` does with the daemon's code when no daemon is running. @module */

/** `rune admin restore`. */
export interface RestoreOptions {
  /** Path of the backup. */
  file: string;
  /** As for `rune serve`: they locate the data directory and the volumes. */
  config?: string;
  dataDir?: string;
  /** Take the daemon over, although parts of it still run elsewhere. Its start stops them. */
  takeOver?: boolean;
  /** Create a separate daemon from the backup, beside the one that made it. */
  asCopy?: boolean;
  /**
   * Asks a person to confirm, and passes what still runs. If absent, a restore that needs an answer fails.
   */
  ask?(running: string[]): Promise<"take-over" | "as-copy" | undefined>;
}

/** The result of a restore. */
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
  /** Volumes whose data was not in the backup, and where it was. */
  without: { volume: string; handle: string }[];
  /** Whether the backup contained the key of the secrets. */
  kek: boolean;
  /** Of the daemon that will run on the restored state. */
  daemonId: string;
  /** Whether it is a separate daemon, beside the one that made the backup. */
  copy: boolean;
  /** What still runs of the same daemon, one phrase each. */
  running: string[];
  /** What the operator should know, one sentence each. */
  notes: string[];
}

/** See the module comment. */
export interface Offline {
  /** @throws {RuneError} if nothing was restored. */
  restore(options: RestoreOptions): Promise<RestoreReport>;
  /**
   * Checks a runefile.
   *
   * @returns the warnings of its daemon.
   * @throws {RuneError} `invalid_argument` with every mistake.
   */
  checkRunefile(file: string): Promise<string[]>;
}
