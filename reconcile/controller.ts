/**
 * What a controller is: a value, which `start.ts` gives a queue and news. It holds no state of its own.
 * @module
 */
import type { Kind } from "../model/resource.ts";
import type { Outcome } from "./outcome.ts";
import type { Watches } from "./news.ts";

/** See the module comment. `Deps` is what its passes work with. */
export interface Controller<Deps> {
  /** In logs and metrics. */
  readonly name: string;
  /** What it makes true: resources of this kind, or what is left of resources that are gone. */
  readonly kind: Kind | "leftovers";
  /** How many keys it works at once. */
  readonly concurrency: number;
  /** Milliseconds after which a pass no longer counts among these; see `QueueOptions`. */
  readonly placeMs?: number;
  /** Which keys are worked after which news. */
  readonly watches: Watches;
  /** Of which keys the pass in progress is ended first: nobody wants what it waits for any more. */
  readonly interrupts?: Watches;
  /** One pass over one key. It may be repeated at any point, and reads again what it needs to know. */
  readonly reconcile: (key: string, pass: Pass<Deps>) => Promise<Outcome>;
}

/** What a pass is given. */
export interface Pass<Deps> {
  deps: Deps;
  /** Aborts when the pass is interrupted or the daemon stops. */
  signal: AbortSignal;
}
