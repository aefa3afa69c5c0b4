/**
 * A controller is a value without state. `start.ts` gives it a queue and sends it news.
 * @module
 */
import type { Kind } from "../model/resource.ts";
import type { Outcome } from "./outcome.ts";
import type { Watches } from "./news.ts";

/** See the module comment. `Deps` are the dependencies of its passes. */
export interface Controller<Deps> {
  /** Appears in logs and metrics. */
  readonly name: string;
  /** What it reconciles: resources of this kind, or what removed resources left behind. */
  readonly kind: Kind | "leftovers";
  /** How many keys it processes at once. */
  readonly concurrency: number;
  /** After this many milliseconds a pass no longer counts towards `concurrency`; see `QueueOptions`. */
  readonly placeMs?: number;
  /** The keys to process for each kind of news. */
  readonly watches: Watches;
  /**
   * The keys whose pass in progress is aborted first, because the result it waits for is no longer wanted.
   */
  readonly interrupts?: Watches;
  /** One pass over one key. It may be repeated at any point, so it reads its state anew each time. */
  readonly reconcile: (key: string, pass: Pass<Deps>) => Promise<Outcome>;
}

/** The arguments of a pass. */
export interface Pass<Deps> {
  deps: Deps;
  /** Aborts when the pass is interrupted or the daemon stops. */
  signal: AbortSignal;
}
