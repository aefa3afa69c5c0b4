/** Carries out the steps of a volume's plan; each is idempotent. @module */
import { sameValue } from "../../model/changes.ts";
import { RuneError, toRuneError } from "../../model/error.ts";
import { FilesystemAway, isSameFilesystem } from "../../model/filesystem.ts";
import { parseImageContent } from "../../model/image_volume.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { NotCalled } from "../../model/not_called.ts";
import { describeWithin } from "../../model/kinds.ts";
import { describeKey } from "../../model/resource.ts";
import type { Volume, VolumeStatus } from "../../model/volume.ts";
import type { Store } from "../../store/store.ts";
import type { Clock } from "../../base/clock.ts";
import { type Happening, recordEvent } from "../events.ts";
import type { Node, Nodes } from "../../node/node.ts";
import type { NodeDriver } from "../../node/node_driver.ts";
import { describeVolumeCall, type VolumeCall } from "../../node/volume_call.ts";
import type { MountedVolumes } from "../mounted_volumes.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { failedStatus } from "./attempts.ts";
import { explainUnclear, findHolderRuns, stopStranger } from "./adoption.ts";
import { makeVolume } from "./source.ts";
import { noteFailedGrowth, noteGrowth } from "./growth.ts";
import { settledStatus, type VolumeStep, type VolumeView } from "./plan.ts";
import { reclaim } from "./reclaim.ts";
import { findSame, makeHappening, write } from "./record.ts";

/** Interval between checks for a missing filesystem. */
const FILESYSTEM_MS = 5_000;

/** The dependencies of the steps. */
export interface VolumeDeps {
  store: Store;
  nodes: Nodes;
  mounts: MountedVolumes;
  clock: Clock;
}

/** The name of a volume's driver: the one that provisioned it, or its class's. */
export function driverName({ volume, class: storageClass }: Pick<VolumeView, "volume" | "class">) {
  return volume.status.driver ?? storageClass?.spec.driver;
}

/**
 * Runs one step.
 *
 * @returns an outcome if the pass is over, or undefined to plan again.
 */
export async function applyVolume(
  step: VolumeStep,
  { view, deps, node, signal }: { view: VolumeView; deps: VolumeDeps; node: Node; signal: AbortSignal },
): Promise<Outcome | undefined> {
  const { volume } = view;
  const driver = node.drivers.get(driverName(view) ?? "");
  const ctx = describeVolumeCall(view, signal);
  switch (step.do) {
    case "provision":
      return await provision({ view, deps, node, driver: driver!, ctx });
    case "expand":
      return await runReporting("ExpandFailed", { view, deps, ctx }, async () => {
        const growth = await driver!.expand(ctx);
        await write(deps, volume, (status) => ({
          ...status,
          sizeBytes: ctx.volume.sizeBytes,
          conditions: noteGrowth(volume, { growth, holders: view.holders, now: view.now }),
        }));
      }, (status, message) => withoutGrowth(view, { status, message }));
    case "mount":
      return await runReporting("MountFailed", { view, deps, ctx }, () => mount({ view, deps, node, ctx }));
    case "unmount":
      return await runReporting(
        "UnmountFailed",
        { view, deps, ctx },
        () => unmount({ view, deps, node, ctx }),
      );
    case "detach":
      return await runReporting("DetachFailed", { view, deps, ctx }, async () => {
        await driver?.detach(ctx);
        await write(deps, volume, ({ boundNode: _b, unmountedAt: _u, ...status }) => status);
      });
    case "reclaim":
      return await reclaim(step.deleteData, { view, store: deps.store, node, ctx });
    case "settle":
      if (!await settle(deps.store, { volume, status: step.status })) return undefined;
      return step.afterMs === undefined ? DONE : { type: "again", afterMs: step.afterMs };
  }
}

interface Call {
  view: VolumeView;
  deps: VolumeDeps;
  ctx: VolumeCall;
}

async function provision(
  { view, deps, node, driver, ctx }: Call & { node: Node; driver: NodeDriver },
): Promise<Outcome | undefined> {
  const { volume, now } = view;
  // Until its handle is recorded, only this says that the driver may have created data.
  const asked = { provisioningDriver: driver.name };
  await write(deps, volume, (status) => ({ ...status, ...asked, state: "Provisioning" }));
  try {
    const { handle, adopted } = await makeVolume(driver, {
      volume,
      snapshot: view.source,
      runner: node.runners.get("docker"),
      ctx,
    });
    const filesystem = await driver.filesystem?.({ ...ctx, handle });
    const isBlank = driver.capabilities.blockDevice && !adopted && !hasSource(view) &&
      !volume.status.mayHoldData;
    const retriedFor = volume.annotations[ANNOTATIONS.retryRequestedAt];
    await write(
      deps,
      volume,
      (status) => {
        const {
          failureMessage: _f,
          failureHint: _h,
          nextAttemptAt: _n,
          failedSecrets: _s,
          provisioningDriver: _p,
          mayHoldData: _m,
          ...rest
        } = status;
        return {
          ...rest,
          state: "Available",
          handle,
          adopted,
          ...(isBlank && { blank: true }),
          ...(filesystem && { filesystem }),
          ...(retriedFor !== undefined && { retriedFor }),
          attempts: 0,
          lastAttemptAt: now.toISOString(),
          driver: driver.name,
          driverParameters: ctx.parameters,
          sizeBytes: ctx.volume.sizeBytes,
        };
      },
      adopted
        ? makeHappening(volume, "Normal", "Adopted", `kept the data that was at ${handle}`)
        : describeRestore(view),
    );
    return undefined;
  } catch (thrown) {
    const error = toRuneError(thrown);
    if (ctx.signal.aborted) return { type: "failed", error };
    if (error instanceof FilesystemAway) return await waitForFilesystem(error, { view, deps });
    const { message, hint, permanent } = error;
    const event = makeHappening(volume, "Warning", "ProvisionFailed", message);
    const failed = failedStatus(view, { message, hint, permanent, now });
    // A daemon that was killed may have called it before.
    const wasCalled = !(error instanceof NotCalled) || volume.status.state === "Provisioning";
    await write(deps, volume, () => wasCalled ? { ...failed, ...asked } : failed, event);
    return undefined;
  }
}

/** Whether a volume is created with data of somewhere else. */
const hasSource = ({ volume: { annotations }, source }: VolumeView): boolean =>
  source !== undefined || annotations[ANNOTATIONS.undeleteFrom] !== undefined ||
  annotations[ANNOTATIONS.imageContent] !== undefined;

/** The event for a volume that was created from a source; undefined without a source. */
function describeRestore({ volume, source }: VolumeView): Happening | undefined {
  const { engineVolume } = parseImageContent(volume.annotations[ANNOTATIONS.imageContent]) ?? {};
  if (engineVolume !== undefined) {
    return makeHappening(
      volume,
      "Normal",
      "Restored",
      `holds the data of the Docker Engine's volume ${engineVolume}`,
    );
  }
  return source &&
    makeHappening(volume, "Normal", "Restored", `holds the data of snapshot ${describeKey(source)}`);
}

async function mount({ view, deps, node, ctx }: Call & { node: Node }): Promise<void> {
  const { volume } = view;
  const driver = driverName(view);
  if (!node.drivers.has(driver ?? "")) {
    throw new RuneError("unavailable", `this daemon has no driver "${driver}"`);
  }
  // Record the node before mounting, so that the next daemon can unmount if this one dies in between. A
  // request to detach is about an earlier mount, if there is one.
  const detachedFor = volume.annotations[ANNOTATIONS.detachRequestedAt];
  await write(deps, volume, ({ unmountedAt: _, ...status }) => ({
    ...status,
    boundNode: node.name,
    ...(detachedFor !== undefined && { detachedFor }),
  }));
  const runs = findHolderRuns(volume, deps.store);
  const answer = await node.volumes.mount({ driver, call: ctx }, runs);
  switch (answer.state) {
    case "mounted": {
      const { path, filesystem } = answer;
      const conditions = noteGrowth(volume, { growth: answer, holders: view.holders, now: view.now });
      // A volume provisioned by an older Rune has no recorded filesystem yet.
      const isNews = filesystem && !(ctx.filesystem && isSameFilesystem(ctx.filesystem, filesystem));
      if (isNews || ctx.blank || !sameValue(conditions, volume.status.conditions)) {
        // From here on somebody may write to it, so it never counts as blank again.
        await write(deps, volume, ({ blank: _, ...status }) => ({
          ...status,
          conditions,
          ...(isNews && { filesystem }),
        }));
      }
      deps.mounts.set(volume.uid, { path });
      return;
    }
    case "overlaps":
      throw sharesDirectory(deps.store, { ...answer, namespace: volume.namespace });
    case "stranger":
      // Once the run is gone, the next plan mounts the volume.
      return await stopStranger(volume, { ...answer, store: deps.store, node, signal: ctx.signal });
    case "unclear":
      throw explainUnclear(volume, { ...answer, store: deps.store });
  }
}

/**
 * Unmounts a volume without holders from its node, which keeps it attached. It stops counting as mounted
 * before anything is unmounted, in the same turn of the event loop as the check for holders. An instance that
 * takes the lease afterwards waits for the next mount.
 */
async function unmount({ view, deps, node, ctx }: Call & { node: Node }): Promise<void> {
  const { volume } = view;
  deps.mounts.delete(volume.uid);
  await node.volumes.unmount({ driver: driverName(view), call: ctx });
  const unmountedAt = deps.clock.now().toISOString();
  await write(deps, volume, ({ mountPath: _, ...status }) => ({
    ...status,
    boundNode: node.name,
    unmountedAt,
  }));
}

/**
 * Records once that a filesystem is missing, and looks again soon, because the return of a disk sends no
 * news.
 */
async function waitForFilesystem(
  { message, hint }: FilesystemAway,
  { view: { volume }, deps }: Pick<Call, "view" | "deps">,
): Promise<Outcome> {
  const event = volume.status.failureMessage === message
    ? undefined
    : makeHappening(volume, "Warning", "FilesystemAway", message);
  await write(deps, volume, (status) => ({
    ...status,
    failureMessage: message,
    ...(hint !== undefined && { failureHint: hint }),
  }), event);
  return { type: "again", afterMs: FILESYSTEM_MS };
}

/**
 * Runs a step for a provisioned volume. A failure is written to its status and retried with backoff.
 */
async function runReporting(
  reason: string,
  { view, deps, ctx }: Call,
  work: () => Promise<void>,
  settleFailed = (status: VolumeStatus, _message: string) => status,
): Promise<Outcome | undefined> {
  const { volume } = view;
  try {
    await work();
    return undefined;
  } catch (thrown) {
    const error = toRuneError(thrown);
    if (error instanceof FilesystemAway) return await waitForFilesystem(error, { view, deps });
    const { message: failureMessage, hint: failureHint } = error;
    if (!ctx.signal.aborted) {
      await write(deps, volume, ({ failureHint: _, ...status }) => ({
        ...settleFailed(status, failureMessage),
        failureMessage,
        ...(failureHint !== undefined && { failureHint }),
      }), makeHappening(volume, "Warning", reason, failureMessage));
    }
    return { type: "failed", error };
  }
}

/** The status of a volume that did not grow, and is used as it is. */
function withoutGrowth(
  view: VolumeView,
  { status, message }: { status: VolumeStatus; message: string },
): VolumeStatus {
  const { mountPath, holders, now } = view;
  // One that is not mounted yet is not on its node either.
  const settled = mountPath === undefined
    ? status
    : settledStatus({ ...view, volume: { ...view.volume, status } });
  const { conditions } = settled;
  return { ...settled, conditions: noteFailedGrowth(view.volume, { conditions, message, holders, now }) };
}

function sharesDirectory(
  store: Store,
  { directory, volumeUid, namespace }: { directory: string; volumeUid: string; namespace: string },
): RuneError {
  const owner = store.list("volume").find(({ uid }) => uid === volumeUid);
  return new RuneError(
    "conflict",
    `its directory ${directory} is also that of ${
      owner ? describeWithin(namespace, owner) : `volume ${volumeUid}`
    }, which is mounted`,
    { hint: "let both services claim one volume, or give this one a directory of its own" },
  );
}

/**
 * Writes a status planned from `volume`. Returns false if the volume changed since and must be planned again.
 */
async function settle(
  store: Store,
  { volume, status }: { volume: Volume; status: VolumeStatus },
): Promise<boolean> {
  if (sameValue(volume.status, status)) return true;
  return await store.transact((tx) => {
    const current = findSame(tx, volume);
    if (current && current.resourceVersion !== volume.resourceVersion) return false;
    if (!current) return true;
    tx.update(current, { status });
    const [is, was] = [status, volume.status].map((s) => s.conditions.find(({ type }) => type === "Full"));
    if (is && !was) {
      recordEvent(tx, makeHappening(volume, "Warning", "VolumeFull", is.message ?? "it is full"));
    }
    return true;
  });
}
