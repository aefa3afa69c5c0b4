/**
 * What must be true once nothing goes wrong any more and time has passed: all that was asked for is there,
 * and nothing else.
 * @module
 */
import { isCurrent } from "../../model/job.ts";
import { type Instance, mountsOf } from "../../model/instance.ts";
import { parseBytes } from "../../model/quantity.ts";
import { volumeKeyOf } from "../../model/claim_names.ts";
import type { Store } from "../../store/store.ts";
import type { World } from "./world.ts";

/** Runs of an instance that a sweep keeps beside the current one. */
const KEPT_BEFORE = 1;
/** Failed runs of a service that are kept to be looked at. */
const KEPT_FAILURES = 3;

/** What is not as it should be, a sentence each. */
export function findUnsettled(store: Store, world: World): string[] {
  return [
    ...ofServices(store),
    ...ofVolumes(store, world),
    ...ofSnapshots(store, world),
    ...ofRuns(store, world),
  ];
}

/** Why an instance that does not run has nothing to do about that. */
function waitsForVolume(instance: Instance, store: Store): boolean {
  return mountsOf(instance).some((mount) => {
    const { namespace, name } = volumeKeyOf(mount, instance);
    const volume = store.get("volume", namespace, name);
    if (!volume) return true;
    // Kept data that is to go while another instance uses it: all wait for that one.
    if (volume.deletionRequestedAt !== undefined) {
      const holders = store.get("lease", namespace, name)?.spec.holders ?? [];
      return holders.some(({ instanceUid }) => instanceUid !== instance.uid);
    }
    return volume.status.handle === undefined && volume.spec.source !== undefined;
  });
}

function ofServices(store: Store): string[] {
  const found: string[] = [];
  for (const service of store.list("service")) {
    const { name, spec, uid } = service;
    if (service.deletionRequestedAt !== undefined) found.push(`service ${name} is still being deleted`);
    const instances = store.list("instance").filter((i) => i.spec.serviceUid === uid);
    if (instances.length !== spec.scale) {
      found.push(`service ${name} has ${instances.length} instances of ${spec.scale}`);
    }
    for (const instance of instances) {
      const { status } = instance;
      if (instance.deletionRequestedAt !== undefined) found.push(`${instance.name} is still being removed`);
      if (!isCurrent(service, instance)) found.push(`${instance.name} is of an earlier cast`);
      if (status.ready || waitsForVolume(instance, store)) continue;
      found.push(`${instance.name} is ${status.state}: ${status.message ?? status.reason ?? "not ready"}`);
    }
  }
  const services = new Set(store.list("service").map(({ uid }) => uid));
  const orphans = store.list("instance").filter((i) => !services.has(i.spec.serviceUid));
  return [...found, ...orphans.map(({ name }) => `instance ${name} has no service`)];
}

function ofVolumes(store: Store, world: World): string[] {
  const found: string[] = [];
  const rows = store.list("volume");
  for (const { name, uid, spec, status, deletionRequestedAt, namespace } of rows) {
    const holders = store.get("lease", namespace, name)?.spec.holders ?? [];
    if (deletionRequestedAt !== undefined) {
      // Kept data may be asked to go while somebody uses it: the row waits for runs, and for nothing else.
      const isUsed = holders.some(({ instanceUid }) =>
        world.runs.all().some(({ state }) => state.instanceUid === instanceUid && state.state === "running")
      );
      if (!isUsed) found.push(`volume ${name} is still being deleted`);
      continue;
    }
    if (world.written.has(uid) && status.initializedAt === undefined) {
      found.push(`volume ${name} was written, and counts as fresh`);
    }
    const there = world.volumes.volumes.get(`${namespace}/${name}`);
    if (status.handle === undefined) {
      if (spec.source === undefined) {
        found.push(`volume ${name} is ${status.state}: ${status.failureMessage}`);
      }
      continue;
    }
    if (there?.uid !== uid) found.push(`volume ${name} has lost its data`);
    else if (there.sizeBytes < parseBytes(spec.size)) found.push(`volume ${name} did not grow`);
    if (there?.mounted && holders.length === 0) found.push(`volume ${name} is mounted for nobody`);
    if (there?.attached && holders.length === 0) found.push(`volume ${name} is attached for nobody`);
    const { shown, held } = world.machine;
    if (holders.length === 0 && shown.has(uid)) found.push(`volume ${name} is shown to nobody`);
    if (holders.length === 0 && held.has(uid)) found.push(`the directory of ${name} is held for nobody`);
  }
  for (const { name, uid } of world.volumes.volumes.values()) {
    if (!rows.some((row) => row.uid === uid) && !world.kept.has(uid)) {
      found.push(`data of volume ${name} has no row`);
    }
  }
  for (const { name, spec } of store.list("lease")) {
    for (const { instanceUid, instance } of spec.holders) {
      if (store.list("instance").some(({ uid }) => uid === instanceUid)) continue;
      found.push(`the lease of volume ${name} is held by ${instance}, which is gone`);
    }
  }
  const known = new Set([...rows, ...store.list("instance")].map(({ uid }) => uid));
  for (const id of world.machine.shown.keys()) {
    if (!known.has(id.split(".")[0]!)) found.push(`${id} is still shown`);
  }
  for (const [uid, name] of world.machine.held) {
    if (!known.has(uid)) found.push(`the directory of ${name} is still held`);
  }
  return found;
}

function ofSnapshots(store: Store, world: World): string[] {
  const found: string[] = [];
  const rows = store.list("snapshot");
  for (const { name, status, spec, namespace, deletionRequestedAt } of rows) {
    if (deletionRequestedAt !== undefined) found.push(`snapshot ${name} is still being deleted`);
    if (status.paused !== undefined || status.copying) found.push(`snapshot ${name} still holds writers`);
    const volume = store.get("volume", namespace, spec.source.volume);
    // One whose volume was deleted before is told so once, also when there is a namesake by now.
    const over = status.state === "Failed" && status.nextAttemptAt === undefined;
    if (status.state !== "Ready" && !over && volume?.status.handle !== undefined) {
      found.push(`snapshot ${name} is ${status.state}: ${status.failureMessage}`);
    }
  }
  for (const uid of world.volumes.snapshots.keys()) {
    if (!rows.some((row) => row.uid === uid)) found.push(`data of snapshot ${uid} has no row`);
  }
  return found;
}

function ofRuns(store: Store, world: World): string[] {
  const found: string[] = [];
  const instances = new Map(store.list("instance").map((i) => [i.uid, i]));
  const kept = new Map<string, number>();
  for (const { state } of world.runs.all()) {
    const name = `run ${state.run} of ${state.instance}`;
    const instance = instances.get(state.instanceUid);
    if (!instance) found.push(`${name} has no instance`);
    else if (state.state === "running" && state.run !== instance.status.run) {
      found.push(`${name} runs beside another`);
    } else if (state.run < instance.status.run - KEPT_BEFORE) {
      kept.set(state.service!, (kept.get(state.service!) ?? 0) + 1);
    }
    if (state.paused) found.push(`${name} is still paused`);
  }
  for (const [service, count] of kept) {
    if (count > KEPT_FAILURES) found.push(`${count} old runs of service ${service} are kept`);
  }
  for (const { uid, name, status } of instances.values()) {
    const run = world.runs.get({ instanceUid: uid, run: status.run });
    if (status.ready && run?.state.state !== "running") {
      found.push(`${name} is called ready and does not run`);
    }
  }
  for (const { instanceUid, run } of world.machine.files.values()) {
    if (instances.get(instanceUid)?.status.run !== run) {
      found.push(`files of run ${run} of ${instanceUid} are left`);
    }
  }
  return found;
}
