/** The promise of `listVolumes` in the conformance suite. @module */
import assert from "node:assert/strict";
import { provisionVolume } from "./conformance_calls.ts";
import type { Trial } from "./conformance_trial.ts";
import type { VolumeContext } from "./driver.ts";

/** Checks that a driver lists exactly its volumes at the provider, if it has a provider. */
export async function checkListing(
  { driver, restart, context }: Pick<Trial, "driver" | "restart" | "context">,
): Promise<void> {
  if (driver.listVolumes === undefined) return;
  const listAll = async () => {
    const { parameters, signal } = context("listed");
    const volumes = await restart().listVolumes!({ parameters, signal });
    return volumes.map(({ handle, createdFor }) => ({ handle, createdFor }));
  };
  const describe = ({ handle, installation, volume: { namespace, name, uid } }: VolumeContext) => ({
    handle,
    createdFor: { installation, namespace, name, uid },
  });
  assert.deepEqual(await listAll(), []);
  const ctx = await provisionVolume(driver, context("listed"));
  const foreign = await provisionVolume(driver, context("foreign", { installation: "elsewhere" }));
  const both = (await listAll()).sort((a, b) => a.createdFor.name.localeCompare(b.createdFor.name));
  assert.deepEqual(both, [describe(foreign), describe(ctx)]);
  assert.deepEqual(await driver.provision(ctx), { handle: ctx.handle, adopted: false });
  await driver.delete(foreign);
  assert.deepEqual(await listAll(), [describe(ctx)]);
  await driver.delete(ctx);
}
