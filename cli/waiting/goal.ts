/** What a command waits for, and how far it has come. @module */

/** What somebody waits for. */
export interface Goal {
  kind: "service" | "volume" | "snapshot";
  namespace: string;
  name: string;
  /** The generation that must have been taken up. */
  generation: number;
  /** Every instance must be of this restart (`rune restart`). */
  restartedAt?: string;
  /** A volume must have at least this size, in bytes (`rune volume resize`). */
  sizeBytes?: number;
  /** Nobody may hold it (`rune volume detach`). */
  detached?: true;
  /** Provisioning must have been tried since (`rune volume retry-provision`). */
  retriedAt?: string;
}

/** How far it has come. */
export interface Verdict {
  state: "waiting" | "done" | "failed";
  /** In words, for people. */
  text: string;
  /** A failure that time alone may still heal: it counts only when it lasts. */
  mayHeal?: true;
  /** A failure that may be of what was there before: it counts when it lasts {@linkcode FRESH_MS}. */
  mayBeOld?: true;
  /** Somebody asked for something else meanwhile. */
  overtaken?: true;
  /**
   * Done, but it began to run less than {@linkcode FRESH_MS} ago and nothing probes it: it may yet crash at
   * once.
   */
  fresh?: true;
}

/** A program that fails at once has mostly failed after this time, in milliseconds. */
export const FRESH_MS = 1000;
