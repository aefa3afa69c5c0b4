/** What a command waits for, and its progress. @module */

/** A state to wait for. */
export interface Goal {
  kind: "service" | "volume" | "snapshot";
  namespace: string;
  name: string;
  /** The generation that must be in effect. */
  generation: number;
  /** Every instance must be from this restart (`rune restart`) or a later one. */
  restartedAt?: string;
  /** A volume must have at least this size, in bytes (`rune volume resize`). */
  sizeBytes?: number;
  /** Nobody may hold the volume (`rune volume detach`). */
  detached?: true;
  /** Provisioning must have been retried since this time (`rune volume retry-provision`). */
  retriedAt?: string;
}

/** The progress of a goal. */
export interface Verdict {
  state: "waiting" | "done" | "failed";
  /** A description for people. */
  text: string;
  /** A failure that may heal with time: it counts only if it lasts. */
  mayHeal?: true;
  /** A failure that may belong to the earlier state: it counts if it lasts {@linkcode FRESH_MS}. */
  mayBeOld?: true;
  /** Somebody requested something else meanwhile. */
  overtaken?: true;
  /**
   * Done, but it started less than {@linkcode FRESH_MS} ago without any checks, so it may still crash at
   * once.
   */
  fresh?: true;
}

/** Programs that fail at once have usually failed by this time, in milliseconds. */
export const FRESH_MS = 1000;
