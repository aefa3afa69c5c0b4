/** The configuration of an image, apart from its files. @module */

/** The health check of an image. */
export interface ImageHealthcheck {
  /** The command, without a shell around it but the one that it names. */
  command: string[];
  intervalMs: number;
  timeoutMs: number;
  startPeriodMs: number;
  retries: number;
}

/** What an image has at a path. */
export interface ImagePath {
  /** `unknown`: a symbolic link, or something else that a mount may or may not go on. */
  kind: "absent" | "file" | "directory" | "unknown";
  /** Names in the directory, the first ones. */
  entries: string[];
}

/** What an image declares. */
export interface ImageFacts {
  /** The Engine's id of it, which changes whenever its contents do. */
  id: string;
  /**
   * The kind of processor that it is for, `arm64`, where that is another one than the Engine's machine has.
   */
  foreign?: string;
  /** Paths that it declares as volumes, sorted, without a slash at the end. */
  volumes: string[];
  /** `name`, `uid`, or either with `:group`; absent: root. */
  user?: string;
  /** Absent where it has none, or says `NONE`. */
  healthcheck?: ImageHealthcheck;
  /** `SIGQUIT` or a number; absent: SIGTERM. */
  stopSignal?: string;
  env: Record<string, string>;
  entrypoint: string[];
  command: string[];
}
