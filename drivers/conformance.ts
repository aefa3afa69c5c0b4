/**
 * The conformance suite for drivers. It reads the capabilities of a driver, and checks both what it claims
 * and what it does not. `conformance_lifecycle.ts` has the tests that need no kernel. The tests here need
 * one: paths of the host, and the metadata of files.
 * @module
 */
import assert from "node:assert/strict";
import { statfsSync } from "node:fs";
import { join } from "node:path";
import { FILLED, mountVolume, provisionVolume, releaseVolume, snapshotOf } from "./conformance_calls.ts";
import { driverLifecycle, type SuiteOptions, type TrialData, trialTest } from "./conformance_lifecycle.ts";
import { plantTree, readTree } from "./conformance_tree.ts";
import type { Trial } from "./conformance_trial.ts";
import type { VolumeContext } from "./driver.ts";

export type { Trial } from "./conformance_trial.ts";

/** Options of {@linkcode driverConformance}. */
export type ConformanceOptions = SuiteOptions<Trial>;

const isRoot = Deno.uid() === 0;

/** Volumes that are directories of this host. */
const DIRECTORIES: TrialData = {
  async put(path, file, content) {
    const data = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(join(path, file), data);
  },
  read: (path, file) =>
    Deno.readTextFile(join(path, file)).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }),
  capacity(path) {
    const { blocks, bsize } = statfsSync(path);
    return blocks * bsize;
  },
};

/** Registers the tests. */
export function driverConformance(options: ConformanceOptions): void {
  driverLifecycle({ ...options, make: async () => ({ ...await options.make(), data: DIRECTORIES }) });
  const test = trialTest(options);

  test("names the directory of a volume beforehand, one for each, or none", async ({ driver, context }) => {
    const directoryOf = ({ volume, parameters }: VolumeContext) =>
      driver.directory?.({ ...volume, parameters });
    const ctx = await provisionVolume(driver, context("place"));
    const directory = directoryOf(ctx);
    if (directory === undefined) return;
    assert.equal(await mountVolume(() => driver, ctx), await Deno.realPath(directory));
    await releaseVolume(() => driver, ctx);
    assert.notEqual(directoryOf(context("elsewhere")), directory);
  });

  if (!options.snapshots) return;
  test(
    "copies owners, modes, times, xattrs, links, holes, fifos and sockets (needs root)",
    async ({ driver, context }) => {
      const ctx = await provisionVolume(driver, context("faithful"));
      const path = await mountVolume(() => driver, ctx);
      await plantTree(path);
      const planted = await readTree(path);
      const ref = snapshotOf(ctx);
      const { handle } = await driver.snapshot(ctx, ref);
      const target = context("copy", FILLED);
      const source = { from: "snapshot" as const, snapshot: { ...ref, handle } };
      const copy = { ...target, ...await driver.materialize(target, source) };
      assert.deepEqual(await readTree(await mountVolume(() => driver, copy)), planted);
      assert.deepEqual(await readTree(path), planted);
    },
    !isRoot,
  );
}
