/** Calls of a driver that many tests of the conformance suite make. @module */
import assert from "node:assert/strict";
import type { Driver, SnapshotRef, VolumeContext } from "./driver.ts";

/** Overrides for a volume that is created from a source. */
export const FILLED = { blank: false };

/** Provisions a new volume. */
export async function provisionVolume(driver: Driver, ctx: VolumeContext): Promise<VolumeContext> {
  const { handle, adopted } = await driver.provision(ctx);
  assert.equal(adopted, false);
  return { ...ctx, handle };
}

/** Attaches and mounts a volume. @returns its path. */
export async function mountVolume(driver: () => Driver, ctx: VolumeContext): Promise<string> {
  await driver().attach(ctx);
  return (await driver().mount(ctx)).path;
}

/** Unmounts and detaches a volume. */
export async function releaseVolume(driver: () => Driver, ctx: VolumeContext): Promise<void> {
  await driver().unmount(ctx);
  await driver().detach(ctx);
}

/** Asserts that a driver refuses a call for good. */
export async function refuseCall(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, { code: "failed_precondition", permanent: true });
}

/** The reference of a snapshot that was not taken yet. */
export function snapshotOf({ volume }: VolumeContext): SnapshotRef {
  return { namespace: volume.namespace, name: "snap", uid: crypto.randomUUID() };
}
