/**
 * The part of the suite that needs no kernel: the effects of the calls of `driver.ts` on volumes and their
 * data. Drivers with directories, with block devices and in memory pass it.
 * @module
 */
import assert from "node:assert/strict";
import { RuneError } from "../model/error.ts";
import {
  FILLED,
  mountVolume,
  provisionVolume,
  refuseCall,
  releaseVolume,
  snapshotOf,
} from "./conformance_calls.ts";
import { checkListing } from "./conformance_listing.ts";
import type { Trial } from "./conformance_trial.ts";
import type { DataSource, Driver } from "./driver.ts";

/** Reads and writes files in a mounted volume, as a program does. The path comes from `mount`. */
export interface TrialData {
  put(path: string, file: string, content: string | Uint8Array): Promise<void>;
  /** Reads a file; undefined if it does not exist. */
  read(path: string, file: string): Promise<string | undefined>;
  /** The capacity of the volume in bytes. */
  capacity(path: string): number;
}

/** Options of the suite. */
export interface SuiteOptions<T> {
  /** The name of the driver, for the names of the tests. */
  name: string;
  make: () => Promise<T>;
  /** Whether the driver must have snapshots. */
  snapshots: boolean;
  /** Skips the suite. */
  ignore?: boolean;
}

/** Registers one test with its own trial. */
export function trialTest<T extends { cleanup: () => Promise<void> }>(
  options: SuiteOptions<T>,
): (promise: string, fn: (trial: T) => Promise<void>, ignore?: boolean) => void {
  return (promise, fn, ignore = false) =>
    Deno.test({
      name: `${options.name} ${promise}`,
      ignore: (options.ignore ?? false) || ignore,
      fn: async () => {
        const trial = await options.make();
        try {
          await fn(trial);
        } finally {
          await trial.cleanup();
        }
      },
    });
}

/** Registers the tests. */
export function driverLifecycle(options: SuiteOptions<Trial & { data: TrialData }>): void {
  const test = trialTest(options);

  test("gives the same answer when any call is repeated", async ({ driver, context, data }) => {
    const ctx = await provisionVolume(driver, context("twice"));
    assert.deepEqual(await driver.provision(ctx), { handle: ctx.handle, adopted: false });
    await driver.attach(ctx);
    await driver.attach(ctx);
    const { path } = await driver.mount(ctx);
    await data.put(path, "data", "kept");
    assert.deepEqual(await driver.mount(ctx), { path });
    assert.equal(await data.read(path, "data"), "kept");
    assert.equal((await driver.provision(ctx)).handle, ctx.handle);
    for (const call of [driver.unmount, driver.detach]) {
      await call.call(driver, ctx);
      await call.call(driver, ctx);
    }
    await driver.delete(ctx);
    await driver.delete(ctx);
  });

  test("keeps data from one mount to the next, with a restart between any two calls", async ({ restart, context, data }) => {
    const ctx = await provisionVolume(restart(), context("restart"));
    const path = await mountVolume(restart, ctx);
    await data.put(path, "data", "kept");
    await releaseVolume(restart, ctx);
    assert.equal(await data.read(await mountVolume(restart, ctx), "data"), "kept");
    await releaseVolume(restart, ctx);
    await restart().delete(ctx);
    await restart().delete(ctx);
  });

  test("unmounts and detaches what was never mounted, and deletes what was never made", async (trial) => {
    const ctx = trial.context("never");
    await trial.driver.unmount(ctx);
    await trial.driver.detach(ctx);
    await trial.driver.delete(ctx);
  });

  test("lists what it keeps at a provider, and for whom it was created", checkListing);

  test("deletes one volume and no other", async ({ driver, context, data }) => {
    const ctx = await provisionVolume(driver, context("goes"));
    const other = await provisionVolume(driver, context("stays"));
    for (const each of [ctx, other]) {
      await data.put(await mountVolume(() => driver, each), "data", each.volume.name);
      await releaseVolume(() => driver, each);
    }
    await driver.delete(ctx);
    assert.equal(await data.read(await mountVolume(() => driver, other), "data"), "stays");
    await releaseVolume(() => driver, other);

    if (driver.capabilities.reclaimDelete) {
      const next = await provisionVolume(
        driver,
        context("goes", { volume: { ...ctx.volume, uid: crypto.randomUUID() } }),
      );
      assert.equal(await data.read(await mountVolume(() => driver, next), "data"), undefined);
      await releaseVolume(() => driver, next);
    } else {
      assert.equal(await data.read(await mountVolume(() => driver, ctx), "data"), "goes");
    }
  });

  test("creates one volume when provisioned many times at once", async ({ driver, context }) => {
    const ctx = context("many");
    const results = await Promise.all(Array.from({ length: 8 }, () => driver.provision(ctx)));
    assert.equal(new Set(results.map((result) => JSON.stringify(result))).size, 1);
  });

  test("refuses a parameter that it does not know, by name", async ({ driver, context }) => {
    const { volume, parameters } = context("typo");
    const request = { ...volume, parameters };
    driver.validate(request);
    assert.throws(
      () => driver.validate({ ...request, parameters: { ...parameters, noSuchParameter: "x" } }),
      (error) =>
        error instanceof RuneError && error.code === "invalid_argument" && error.permanent &&
        error.issues?.[0]?.path[0] === "noSuchParameter",
    );
  });

  test("stops with a RuneError that can be retried if its signal has aborted", async ({ driver, context }) => {
    const ctx = context("aborted", { signal: AbortSignal.abort() });
    const { expand } = driver.capabilities;
    for (const verb of ["provision", "attach", "mount", "unmount", "detach", "delete", "expand"] as const) {
      if (verb === "expand" && !expand) continue;
      await assert.rejects(driver[verb](ctx), (e) => e instanceof RuneError && !e.permanent, verb);
    }
    const ref = snapshotOf(ctx);
    if (options.snapshots) {
      await assert.rejects(driver.snapshot(ctx, ref), (e) => e instanceof RuneError && !e.permanent);
      await assert.rejects(
        driver.materialize(ctx, { from: "snapshot", snapshot: ref }),
        (e) => e instanceof RuneError && !e.permanent,
      );
    }
    await assert.rejects(driver.deleteSnapshot(ctx, ref), (e) => e instanceof RuneError && !e.permanent);
    if (takes(driver, "trash")) {
      await assert.rejects(driver.materialize(ctx, { from: "trash", id: "id" }), RuneError);
    }
    await assert.rejects(
      driver.provision(
        context("aborted", { signal: AbortSignal.abort(new DOMException("", "TimeoutError")) }),
      ),
      {
        code: "deadline_exceeded",
      },
    );
    await provisionVolume(driver, context("aborted"));
  });

  test("grows a volume and keeps its data if its capabilities say so, and refuses otherwise", async ({ driver, context, data, growBy = 64 << 20 }) => {
    const ctx = await provisionVolume(driver, context("grows"));
    const larger = { ...ctx, volume: { ...ctx.volume, sizeBytes: ctx.volume.sizeBytes + growBy } };
    if (!driver.capabilities.expand) {
      await refuseCall(driver.expand(larger));
      return;
    }
    const before = await mountVolume(() => driver, ctx);
    const capacity = data.capacity(before);
    await data.put(before, "data", "kept");
    if (!driver.capabilities.onlineExpand) await releaseVolume(() => driver, ctx);
    const growth = await driver.expand(larger);
    assert.deepEqual(await driver.expand(larger), growth);
    if (growth.growsLater !== undefined) {
      // The host does not let a mounted filesystem grow. A mount that finds it mounted says so too.
      assert.equal((await driver.mount(larger)).growsLater, growth.growsLater);
      await releaseVolume(() => driver, larger);
    }
    const path = await mountVolume(() => driver, larger);
    assert.deepEqual(await driver.mount(larger), { path });
    assert.equal(await data.read(path, "data"), "kept");
    if (driver.capabilities.blockDevice) assert.ok(data.capacity(path) > capacity + (32 << 20));
    const { limitBytes } = await driver.usage?.(larger) ?? {};
    if (limitBytes !== undefined) assert.ok(limitBytes >= larger.volume.sizeBytes);
    await releaseVolume(() => driver, larger);
  });

  test("restores a deleted volume, with each call repeated, unless it was deleted without the trash", async (trial) => {
    const { driver, restart, context, data } = trial;
    assert.equal(driver.listTrash === undefined, !takes(driver, "trash"), "what goes there comes back");
    if (!driver.listTrash) return;
    const ctx = await provisionVolume(driver, context("binned"));
    await data.put(await mountVolume(() => driver, ctx), "data", "kept");
    await releaseVolume(() => driver, ctx);
    const record = {
      labels: { app: "web" },
      spec: { size: "1Gi", accessMode: "ReadWriteOnce" as const, parameters: {} },
      ownerService: "web",
    };
    await driver.delete(ctx, { record });
    await restart().delete(ctx, { record });
    const [entry, ...others] = await restart().listTrash!(ctx.signal);
    assert.deepEqual(others, []);
    const { uid, namespace, name } = ctx.volume;
    assert.deepEqual([entry!.uid, entry!.namespace, entry!.name, entry!.record], [
      uid,
      namespace,
      name,
      record,
    ]);
    assert.ok(entry!.purgeAt > entry!.deletedAt);

    const back = context("back", FILLED);
    const { handle } = await driver.materialize(back, { from: "trash", id: entry!.id });
    assert.deepEqual(await restart().materialize(back, { from: "trash", id: entry!.id }), {
      handle,
      adopted: false,
    });
    assert.equal(
      await data.read(await mountVolume(() => driver, { ...back, handle }), "data"),
      "kept",
    );
    await releaseVolume(() => driver, { ...back, handle });
    assert.deepEqual(await driver.listTrash(ctx.signal), []);

    await driver.delete({ ...back, handle }, { record, now: true });
    await restart().delete({ ...back, handle }, { record, now: true });
    assert.deepEqual(await driver.listTrash(ctx.signal), []);
    await assert.rejects(driver.materialize(context("late"), { from: "trash", id: uid }), {
      code: "not_found",
      permanent: true,
    });
  });

  test("refuses every source that its capabilities do not name", async ({ driver, context }) => {
    const ctx = context("unfilled");
    const data = ReadableStream.from([new Uint8Array()]);
    const sources: DataSource[] = [
      { from: "snapshot", snapshot: snapshotOf(ctx) },
      { from: "trash", id: "id" },
      { from: "archive", data },
    ];
    for (const source of sources) {
      if (!takes(driver, source.from)) await refuseCall(driver.materialize(ctx, source));
    }
    await data.cancel();
    await provisionVolume(driver, ctx);
  });

  test("measures what a volume holds", async ({ driver, context, data }) => {
    if (driver.usage === undefined) return;
    const ctx = await provisionVolume(driver, context("used"));
    const unused = await driver.usage(ctx);
    const path = await mountVolume(() => driver, ctx);
    // Some drivers measure mounted volumes only.
    const before = unused ?? await driver.usage(ctx);
    await data.put(path, "data", crypto.getRandomValues(new Uint8Array(65_536)));
    const mounted = await driver.usage(ctx);
    await releaseVolume(() => driver, ctx);
    const after = await driver.usage(ctx) ?? mounted;
    assert.ok(after!.usedBytes >= before!.usedBytes + 65_536);
  });

  test("copies and restores a snapshot, with each call repeated, or refuses", async ({ driver, restart, context, data }) => {
    const ctx = await provisionVolume(driver, context("source"));
    const ref = snapshotOf(ctx);
    assert.equal(driver.capabilities.snapshots, options.snapshots);
    assert.equal(takes(driver, "snapshot"), options.snapshots, "what was copied can be restored");
    if (!options.snapshots) {
      await refuseCall(driver.snapshot(ctx, ref));
      await refuseCall(driver.materialize(context("target"), { from: "snapshot", snapshot: ref }));
      await driver.deleteSnapshot(ctx, ref);
      return;
    }
    const source = await mountVolume(() => driver, ctx);
    await data.put(source, "data", "then");
    const broken = new RuneError("conflict", "the writers were not still");
    const failing = driver.snapshot(ctx, ref, { onCopied: () => Promise.reject(broken) });
    await assert.rejects(failing, { code: "conflict" });
    const made = await driver.snapshot(ctx, ref, { onCopied: () => data.put(source, "data", "now") });
    assert.deepEqual(await restart().snapshot(ctx, ref, { onCopied: () => Promise.reject(broken) }), made);
    const snapshot = { ...ref, handle: made.handle };

    const target = context("target", FILLED);
    const restored = await driver.materialize(target, { from: "snapshot", snapshot: snapshot });
    assert.deepEqual(
      await restart().materialize(target, { from: "snapshot", snapshot: snapshot }),
      restored,
    );
    assert.deepEqual(await driver.provision({ ...target, handle: restored.handle }), restored);
    const path = await mountVolume(() => driver, { ...target, handle: restored.handle });
    assert.equal(await data.read(path, "data"), "then");
    await assert.rejects(
      driver.materialize({ ...ctx, volume: { ...ctx.volume, uid: crypto.randomUUID() } }, {
        from: "snapshot",
        snapshot: snapshot,
      }),
      {
        code: "already_exists",
      },
    );
    assert.equal(await data.read(source, "data"), "now");

    await driver.deleteSnapshot(ctx, snapshot);
    await driver.deleteSnapshot(ctx, snapshot);
    await assert.rejects(driver.materialize(context("late"), { from: "snapshot", snapshot: snapshot }), {
      code: "not_found",
      permanent: true,
    });
    assert.equal(await data.read(path, "data"), "then");
  });

  test("exports data and imports it as another volume, with each call repeated", async ({ driver, restart, context, data }) => {
    if (driver.exportData === undefined || !takes(driver, "archive")) return;
    const ctx = await provisionVolume(driver, context("exported"));
    const path = await mountVolume(() => driver, ctx);
    await data.put(path, "data", "then");
    await data.put(path, "more", crypto.getRandomValues(new Uint8Array(65_536)));
    const archive = await new Response(
      await driver.exportData(ctx) as ReadableStream<Uint8Array<ArrayBuffer>>,
    )
      .bytes();
    const stream = (bytes = archive) => ReadableStream.from([bytes]);
    const target = context("imported", FILLED);
    const { handle } = await driver.materialize(target, { from: "archive", data: stream() });
    assert.deepEqual(await restart().materialize(target, { from: "archive", data: stream() }), {
      handle,
      adopted: false,
    });
    assert.deepEqual(await driver.provision({ ...target, handle }), { handle, adopted: false });
    const copy = await mountVolume(() => driver, { ...target, handle });
    assert.equal(await data.read(copy, "data"), "then");

    const torn = archive.slice(0, archive.length / 2);
    await assert.rejects(
      driver.materialize(context("torn"), { from: "archive", data: stream(torn) }),
      RuneError,
    );
    const other = { ...ctx, volume: { ...ctx.volume, uid: crypto.randomUUID() } };
    await assert.rejects(driver.materialize(other, { from: "archive", data: stream() }), {
      code: "already_exists",
    });
    assert.equal(await data.read(path, "data"), "then");
    await provisionVolume(driver, context("torn"));
  });

  if (!options.snapshots) return;
  test("exports the data of a snapshot, and refuses a missing snapshot", async ({ driver, context, data }) => {
    if (driver.exportData === undefined || !takes(driver, "archive")) return;
    const ctx = await provisionVolume(driver, context("kept"));
    const path = await mountVolume(() => driver, ctx);
    await data.put(path, "data", "then");
    const ref = { namespace: ctx.volume.namespace, name: "s", uid: crypto.randomUUID() };
    await assert.rejects(driver.exportData(ctx, ref), { code: "not_found" });
    await driver.snapshot(ctx, ref);
    await data.put(path, "data", "now");
    const target = context("kept-copy", FILLED);
    const { handle } = await driver.materialize(target, {
      from: "archive",
      data: await driver.exportData(ctx, ref),
    });
    const copy = await mountVolume(() => driver, { ...target, handle });
    assert.equal(await data.read(copy, "data"), "then");
    await driver.deleteSnapshot(ctx, ref);
  });
}

const takes = (driver: Driver, from: DataSource["from"]) => driver.capabilities.sources.includes(from);
