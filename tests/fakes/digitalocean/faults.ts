/** Faults that a test asks for, and which request meets which. @module */
import type { OperationId } from "./operations.ts";

/** What is wrong with a device after its volume was attached. */
export type DeviceFault =
  /** Its link appears later. */
  | { lateMs: number }
  /** It is smaller for a moment. */
  | { wrongSizeMs: number }
  /** Reads fail for a moment. */
  | { unreadableMs: number }
  /** Somebody else has it mounted for a moment, as the automount rule of DigitalOcean's images does. */
  | { busyMs: number }
  /** It never appears. */
  | "never";

/** What goes wrong. With `after`, the work is done in spite of it. */
export type Fault =
  | { status: 429; retryAfter?: number; reset?: number }
  | { status: 500 | 502 | 503; after?: true }
  | { status: 401 | 403 | 404 | 409 | 422; message: string }
  /** The connection is closed before a byte of the answer. */
  | { reset: true; after?: true }
  /** No answer comes until the test calls {@linkcode FaultHandle.release}. */
  | { hang: "before" | "after" }
  /**
   * The connection is closed at once; the work is done when the test calls {@linkcode FaultHandle.release}.
   */
  | { late: true }
  /** A page of a proxy, half an answer, or nothing. */
  | { garbage: "html" | "truncated" | "empty"; after?: true }
  /** The action fails, takes so many looks, or never ends. */
  | { action: "errored" | "never" | { polls: number } }
  /** The action is reported as failed although it was carried out. */
  | { erroredButDone: true }
  /** The next reads of the volume show what was before. */
  | { lag: number }
  | { device: DeviceFault };

/** The requests that meet a fault. */
export interface FaultMatch {
  op: OperationId | "*";
  /** The type of the action. */
  type?: "attach" | "detach" | "resize";
  /** The name or id of the volume. */
  volume?: string;
  /** The first request that meets it, counted from 1. Default: 1. */
  nth?: number;
  /** How many requests meet it. Default: 1. */
  times?: number;
}

/** A fault that was set. */
export interface FaultHandle {
  /** How many requests have met it. */
  readonly used: number;
  /** Resolves when the first request meets it. With `hang: "after"`, its work has been done by then. */
  readonly reached: Promise<void>;
  /** Lets requests that hang go on, and does the work of late ones. */
  release(): void;
  /** Resolves when the work of late requests is done. */
  awaitWork(): Promise<void>;
  /** No further request meets it. */
  remove(): void;
}

/** A request, as far as faults know it. */
export interface Subject {
  op: OperationId;
  type?: string;
  /** The id of the volume, its name, or both. */
  volume: (string | undefined)[];
}

/** A fault that a request has met. */
export interface MetFault {
  fault: Fault;
  /** The work of late requests. */
  late: Promise<unknown>[];
  /** Tells the test. */
  reach(): void;
  released: Promise<void>;
}

/** The faults of one fake. */
export class Faults {
  #all: { match: FaultMatch; fault: Fault; seen: number; used: number; met: MetFault }[] = [];

  /** Adds a fault. */
  add(match: FaultMatch, fault: Fault): FaultHandle {
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const met: MetFault = { fault, late: [], reach, released };
    const entry = { match, fault, seen: 0, used: 0, met };
    this.#all.push(entry);
    return {
      get used() {
        return entry.used;
      },
      ...{ reached, release },
      async awaitWork() {
        await Promise.all(met.late);
      },
      remove: () => {
        this.#all = this.#all.filter((other) => other !== entry);
      },
    };
  }

  /** Removes all of them. Requests that hang go on. */
  clear(): void {
    this.#all = [];
  }

  /** The fault that a request meets. */
  meet(subject: Subject): MetFault | undefined {
    let met: MetFault | undefined;
    for (const entry of this.#all) {
      const { match: { op, type, volume, nth = 1, times = 1 } } = entry;
      if (op !== "*" && op !== subject.op) continue;
      if (type !== undefined && type !== subject.type) continue;
      if (volume !== undefined && !subject.volume.includes(volume)) continue;
      entry.seen++;
      if (met || entry.seen < nth || entry.used >= times) continue;
      entry.used++;
      met = entry.met;
    }
    return met;
  }
}
