/** The drivers of a node as others see them. Types alone; `driver_calls.ts` makes them. @module */
import type { Driver, SnapshotRef, VolumeContext } from "../drivers/driver.ts";
import type { VolumeCall } from "./volume_call.ts";

/** Names of the calls that are about one volume. */
export type VolumeCallName = {
  [K in keyof Driver]-?: NonNullable<Driver[K]> extends
    (ctx: VolumeContext, ...rest: never[]) => Promise<unknown>
    ? Parameters<NonNullable<Driver[K]>> extends [VolumeContext, ...unknown[]] ? K : never
    : never;
}[keyof Driver];

type OnCall<F> = F extends (ctx: VolumeContext, ...rest: infer R) => infer T
  ? (call: VolumeCall, ...rest: R) => T
  : F;

/**
 * A driver inside its node: the contract of drivers, with a {@linkcode VolumeCall} in the place of each
 * context.
 */
export type LocalDriver = {
  [K in keyof Driver]: K extends VolumeCallName ? OnCall<Driver[K]> : Driver[K];
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
