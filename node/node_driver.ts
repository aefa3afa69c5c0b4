/** The drivers of a node as others see them. Types alone; `driver_calls.ts` makes them. @module */
import type { Driver, VolumeContext } from "../drivers/driver.ts";
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

/** A driver of a node, as others are given it: what it opens stays inside the node. */
export type NodeDriver = Omit<LocalDriver, "open">;
