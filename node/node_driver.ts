/** The drivers of a node as others see them. Types alone; `driver_calls.ts` makes them. @module */
import type { AccountContext, Driver, SnapshotRef, VolumeContext } from "../drivers/driver.ts";
import type { AccountCall, VolumeCall } from "./volume_call.ts";

/** Names of the calls that are about one volume. */
export type VolumeCallName = {
  [K in keyof Driver]-?: NonNullable<Driver[K]> extends
    (ctx: VolumeContext, ...rest: never[]) => Promise<unknown>
    ? Parameters<NonNullable<Driver[K]>> extends [VolumeContext, ...unknown[]] ? K : never
    : never;
}[keyof Driver];

/** Names of the calls that are about one account. */
export type AccountCallName = {
  [K in keyof Driver]-?: Parameters<Extract<Driver[K], (...args: never[]) => unknown>> extends [infer First]
    ? [First, AccountContext] extends [AccountContext, First] ? K : never
    : never;
}[keyof Driver];

type OnVolume<F> = F extends (ctx: VolumeContext, ...rest: infer R) => infer T
  ? (call: VolumeCall, ...rest: R) => T
  : F;
type OnAccount<F> = F extends (ctx: AccountContext) => infer T ? (call: AccountCall) => T : F;

/**
 * A driver inside its node: the contract of drivers, with what a caller of the node describes in the place of
 * each context.
 */
export type LocalDriver = {
  [K in keyof Driver]: K extends VolumeCallName ? OnVolume<Driver[K]>
    : K extends AccountCallName ? OnAccount<Driver[K]>
    : Driver[K];
};

/** What becomes of a snapshot that is being taken. */
export type SnapshotEvent =
  /**
   * The copy reads the volume no more, and writers may go on. There is no snapshot yet: asking for the next
   * event says that the copy is good. Who stops listening instead abandons the snapshot.
   */
  | { state: "copied" }
  /** The snapshot is there and durable. Without `copied` before it, an earlier call had made it. */
  | { state: "taken"; handle: string; sizeBytes: number };

/**
 * A driver of a node, as others are given it: what it opens stays inside the node, and nothing calls back.
 */
export type NodeDriver = Omit<LocalDriver, "open" | "snapshot"> & {
  /**
   * Copies the volume as it is now.
   *
   * @throws {RuneError} as `snapshot` of a driver does, through the iteration.
   */
  takeSnapshot(call: VolumeCall, snapshot: SnapshotRef): AsyncIterable<SnapshotEvent>;
};
