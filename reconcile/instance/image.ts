/**
 * Prepares the image of a run before the run is created: pulls it, and reads what it declares. The declared
 * volumes and health check are committed to the instance, so that its mounts and leases are planned with
 * them.
 * @module
 */
import { BUILT_IN_DRIVER } from "../../drivers/built_in.ts";
import { claimedVolumeName, mountsOfVolume, volumeKeyOf } from "../../model/claim_names.ts";
import type { NodeRunner } from "../../node/node_runner.ts";
import type { ImageFacts, ImageHealthcheck, PullPolicy } from "../../runners/runner.ts";
import { sameValue } from "../../model/changes.ts";
import { RuneError, toRuneError } from "../../model/error.ts";
import type { Probe } from "../../model/health.ts";
import {
  foreignNote,
  hiddenNote,
  imageMount,
  imageMountText,
  parseImageContent,
  uncoveredPaths,
} from "../../model/image_volume.ts";
import type { Instance, InstanceImage, InstanceTemplate } from "../../model/instance.ts";
import { ANNOTATIONS, FINALIZERS } from "../../model/marks.ts";
import type { VolumeMount } from "../../model/mounts.ts";
import type { Service } from "../../model/service.ts";
import type { Volume } from "../../model/volume.ts";
import type { Reader, Store, Tx } from "../../store/store.ts";
import { shortDigest } from "../digest.ts";
import { recordEvent } from "../events.ts";
import { owns } from "../service/claims.ts";

/** Time limit for a registry, in milliseconds, when a usable image is already present. */
const REFRESH_MS = 15_000;

/**
 * The service's pull policy. Default: `always` for the tag `latest`, otherwise `missing`.
 */
export function pullPolicyOf({ spec }: Service, image: string = spec.image ?? ""): PullPolicy {
  if (spec.imagePull !== undefined) return spec.imagePull;
  const name = image.slice(image.lastIndexOf("/") + 1);
  const pinned = image.includes("@") || (name.includes(":") && !name.endsWith(":latest"));
  return pinned ? "missing" : "always";
}

/** The arguments of {@linkcode prepareImage}. */
export interface ImageCall {
  instance: Instance;
  service: Service;
  run: number;
  store: Store;
  runner: NodeRunner;
  signal: AbortSignal;
  onProgress: (text: string) => void;
}

/**
 * Prepares the image of run number `run`.
 *
 * @returns true if the instance changed and must be planned again.
 * @throws {RuneError} as {@linkcode NodeRunner.pullImage} does.
 */
export async function prepareImage(call: ImageCall): Promise<boolean> {
  const { instance, run, store, runner, signal } = call;
  const { image } = instance.spec.template;
  if (image === undefined || !runner.pullImage) return false;
  const known = instance.status.image;
  if (known?.run === run && !lacksVolume(instance, store)) return false;
  if (known?.run !== run) await bringImage(call, image);
  if (!runner.describeImage) return false;
  const facts = await runner.describeImage(image, signal);
  const hidden = known?.id === facts.id ? known.hidden : await findHidden(call, { image, id: facts.id });
  return await commitImage(call, { facts, hidden });
}

/** How many hidden files a message names. */
const MAX_NAMED = 5;

/**
 * Finds image content at the paths where the service mounts something.
 *
 * @returns the directories that configmaps and secrets hide; a volume is expected to hide what is below it.
 * @throws {RuneError} `invalid_argument` if a mount path is a file in the image.
 */
async function findHidden(
  { instance: { spec: { template } }, runner, signal }: ImageCall,
  { image, id }: { image: string; id: string },
): Promise<InstanceImage["hidden"]> {
  const files = [...template.configMounts, ...template.secretMounts].map(({ mountPath }) => mountPath);
  const all = [...files, ...template.volumes.map(({ mountPath }) => mountPath)];
  // A path below another mount does not belong to the image.
  const paths = all.filter((path) => !all.some((other) => path.startsWith(`${other}/`)));
  if (paths.length === 0 || !runner.lookIntoImage) return undefined;
  const found = await runner.lookIntoImage(id, paths, signal);
  const onFile = paths.find((path) => found.get(path)?.kind === "file");
  if (onFile !== undefined) throw mountOnFile(onFile, image);
  const hidden = paths.flatMap((path) => {
    const { kind, entries } = found.get(path)!;
    const hides = kind === "directory" && entries.length > 0 && files.includes(path);
    return hides ? [{ path, entries: entries.toSorted().slice(0, MAX_NAMED) }] : [];
  });
  return hidden.length > 0 ? hidden : undefined;
}

function mountOnFile(path: string, image: string): RuneError {
  return new RuneError(
    "invalid_argument",
    `nothing can be mounted at ${path}: it is a file in the image ${image}, and a mount is a directory`,
    {
      hint:
        "mount at a directory of its own and tell the program where the file is (items names the file), or let an " +
        "init step copy it",
    },
  );
}

/**
 * Whether a volume of the image was deleted while nobody held it. It is created again, as for the first run.
 */
function lacksVolume(instance: Instance, store: Store): boolean {
  return (instance.status.image?.volumes ?? []).some((mount) => {
    const { namespace, name } = volumeKeyOf(mount, instance);
    return store.get("volume", namespace, name) === undefined;
  });
}

/** A digest of what an image is pulled for. A new template or restart asks the registry again. */
function pulledFor({ spec: { template, restartedAt } }: Instance): string {
  return shortDigest([template, restartedAt ?? ""]);
}

/**
 * Pulls an image as the service's policy says. If the image was already pulled for this template and the
 * registry does not answer, the local image is used.
 */
export async function bringImage(
  { instance, service, run, store, runner, signal, onProgress }: ImageCall,
  image: string,
): Promise<void> {
  const policy = pullPolicyOf(service, image);
  const pull = async (limit: AbortSignal) => {
    for await (const text of runner.pullImage!(image, { policy, signal: limit })) onProgress(text);
  };
  const had = run > 1 || service.annotations[ANNOTATIONS.pulledFor] === pulledFor(instance);
  if (policy !== "always" || !had || !await isHere(runner, image, signal)) return await pull(signal);
  try {
    await pull(AbortSignal.any([signal, AbortSignal.timeout(REFRESH_MS)]));
  } catch (thrown) {
    const error = toRuneError(thrown);
    if (signal.aborted || error.code === "unavailable") throw error;
    const message = `${error.message}; it runs with the image ${image} that is here`;
    await store.transact((tx) =>
      recordEvent(tx, {
        namespace: instance.namespace,
        object: instance,
        type: "Warning",
        reason: "ImageNotRefreshed",
        message,
      })
    );
  }
}

async function isHere(runner: NodeRunner, image: string, signal: AbortSignal): Promise<boolean> {
  try {
    return await runner.describeImage?.(image, signal) !== undefined;
  } catch (error) {
    if (error instanceof RuneError && error.code === "not_found") return false;
    throw error;
  }
}

/** Writes what the image declares to the instance, and creates the volumes it needs. */
async function commitImage(
  { instance, run, store }: ImageCall,
  { facts, hidden }: { facts: ImageFacts; hidden: InstanceImage["hidden"] },
): Promise<boolean> {
  return await store.transact((tx) => {
    const now = tx.list("instance", instance.namespace).find(({ uid }) => uid === instance.uid);
    const service = tx.get("service", instance.namespace, instance.spec.service);
    if (!now || now.deletionRequestedAt !== undefined || service?.uid !== instance.spec.serviceUid) {
      return true;
    }
    const volumes = imageMounts(now, { declared: facts.volumes, store: tx });
    const health = probeOf(now.spec.template, facts.healthcheck);
    const image: InstanceImage = {
      run,
      id: facts.id,
      volumes,
      ...(hidden && { hidden }),
      ...(facts.foreign !== undefined && { foreign: facts.foreign }),
      ...(health && { health }),
    };
    // A predecessor's Engine volumes are handed on when the predecessor is removed.
    const handedOn = tx.list("instance", now.namespace)
      .filter(({ uid, spec }) =>
        uid !== now.uid && spec.serviceUid === service.uid && spec.ordinal === now.spec.ordinal
      )
      .flatMap(({ status }) => status.engineVolumes ?? []).map(({ path }) => path);
    for (const mount of volumes) {
      if (!handedOn.includes(mount.mountPath)) makeImageVolume(tx, { mount, instance: now, service });
    }
    const digest = pulledFor(now);
    if (service.annotations[ANNOTATIONS.pulledFor] !== digest) {
      tx.update(service, { annotations: { ...service.annotations, [ANNOTATIONS.pulledFor]: digest } });
    }
    if (sameValue(now.status.image, image)) return false;
    tx.update(now, { status: { ...now.status, image } });
    if (!sameValue(now.status.image?.volumes ?? [], volumes)) recordImageVolumes(tx, now, volumes);
    if (!sameValue(now.status.image?.hidden, hidden)) recordHiddenFiles(tx, now, hidden ?? []);
    if (facts.foreign !== undefined && now.status.image?.foreign !== facts.foreign) {
      const message = foreignNote(facts.foreign);
      recordEvent(tx, {
        namespace: now.namespace,
        object: now,
        type: "Warning",
        reason: "ForeignImage",
        message,
      });
    }
    return true;
  });
}

/**
 * The mounts that an instance needs in addition to its template's: for volumes declared by its image, or by
 * an earlier image of this ordinal, since the program may still use them.
 */
export function imageMounts(
  instance: Pick<Instance, "namespace" | "spec">,
  { declared, store }: { declared: string[]; store: Reader },
): VolumeMount[] {
  const { namespace, spec: { template, service, ordinal } } = instance;
  const mounted = [...template.volumes, ...template.configMounts, ...template.secretMounts]
    .map(({ mountPath }) => mountPath);
  const taken = template.volumes.map(({ name }) => name);
  const earlier = store.list("volume", namespace).flatMap((volume) => {
    const path = parseImageContent(volume.annotations[ANNOTATIONS.imageContent])?.path;
    if (path === undefined || volume.deletionRequestedAt !== undefined) return [];
    return volume.name === claimedVolumeName({ mount: imageMount(path, taken).name, service, ordinal })
      ? [path]
      : [];
  });
  const paths = uncoveredPaths([...new Set([...declared, ...earlier])].sort(), mounted);
  return paths.map((path) => imageMount(path, taken));
}

/** Creates the volume of such a mount if it is missing. */
export function makeImageVolume(
  tx: Tx,
  { mount, instance, service }: { mount: VolumeMount; instance: Instance; service: Service },
): void {
  const { namespace, spec: { template }, status } = instance;
  const { name } = volumeKeyOf(mount, instance);
  if (tx.get("volume", namespace, name)) return;
  const { mountPath: path, claimTemplate } = mount;
  const { size, accessMode, parameters } = claimTemplate!;
  const engineVolume = status.engineVolumes?.find((volume) => volume.path === path)?.name;
  const content = { image: template.image!, path, ...(engineVolume !== undefined && { engineVolume }) };
  const plain = tx.list("storageClass").find(({ spec }) =>
    spec.driver === BUILT_IN_DRIVER && Object.keys(spec.parameters).length === 0
  );
  tx.create({
    kind: "volume",
    namespace,
    name,
    labels: service.labels,
    annotations: { [ANNOTATIONS.imageContent]: JSON.stringify(content) },
    finalizers: [FINALIZERS.reclaim],
    spec: {
      ...(plain && { storageClassName: plain.name }),
      size,
      accessMode,
      reclaimPolicy: "delete",
      parameters,
    },
    status: {
      state: "Pending",
      attempts: 0,
      ownerService: service.name,
      driver: BUILT_IN_DRIVER,
      driverParameters: {},
      conditions: [],
    },
  });
}

/**
 * Hands on data that an earlier version of Rune left in Engine volumes, when their container is removed. The
 * new volume for that path starts with this data.
 */
export function leaveEngineVolumes(
  tx: Tx,
  { instance, service }: { instance: Instance; service: Service | undefined },
): void {
  const { namespace, spec: { template, serviceUid }, status: { engineVolumes = [] } } = instance;
  const goesOn = service?.uid === serviceUid && service.deletionRequestedAt === undefined;
  for (const { path, name } of engineVolumes) {
    const mount = imageMount(path, template.volumes.map((volume) => volume.name));
    if (goesOn) makeImageVolume(tx, { mount, instance, service });
    const message =
      `the data that its container kept at ${path} is in the volume ${name} of the Docker Engine` +
      (goesOn ? `, and is copied to volume ${volumeKeyOf(mount, instance).name}` : "") +
      `; Rune leaves that one as it is (docker volume rm ${name})`;
    recordEvent(tx, {
      namespace,
      object: service ?? instance,
      type: "Warning",
      reason: "EngineVolume",
      message,
    });
  }
}

function recordImageVolumes(tx: Tx, instance: Instance, mounts: VolumeMount[]): void {
  for (const mount of mounts) {
    recordEvent(tx, {
      namespace: instance.namespace,
      object: instance,
      type: "Warning",
      reason: "ImageVolume",
      message:
        `the image declares ${mount.mountPath} as a volume, and no mount of the service covers it: what is ` +
        `written there is kept in volume ${
          volumeKeyOf(mount, instance).name
        } until the service is deleted; to ` +
        `keep it longer, add to volumes: ${imageMountText(mount)}`,
    });
  }
}

function recordHiddenFiles(tx: Tx, instance: Instance, hidden: NonNullable<InstanceImage["hidden"]>): void {
  for (const { path, entries } of hidden) {
    recordEvent(tx, {
      namespace: instance.namespace,
      object: instance,
      type: "Warning",
      reason: "MountHidesFiles",
      message: hiddenNote({ path, entries }),
    });
  }
}

/**
 * Whether a volume is deleted with its service: it was created for an image, and no template of the service
 * asks for it.
 */
export function goesWithService(service: Service, volume: Volume): boolean {
  const path = parseImageContent(volume.annotations[ANNOTATIONS.imageContent])?.path;
  if (path === undefined || !owns(service, volume)) return false;
  return !mountsOfVolume(service, volume).some(({ mount }) => mount.claimTemplate);
}

/** The image's health check as a readiness probe, if the service has no checks. */
function probeOf({ health }: InstanceTemplate, check: ImageHealthcheck | undefined): Probe | undefined {
  const own = Object.values(health ?? {}).some((probe) => probe !== undefined);
  if (own || !check) return undefined;
  const seconds = (ms: number) => Math.min(86_400, Math.max(1, Math.ceil(ms / 1000)));
  return {
    type: "exec",
    command: check.command,
    // Until the first success, a failure only means "not ready", so the start period needs no extra delay.
    initialDelaySeconds: 0,
    intervalSeconds: seconds(check.intervalMs),
    timeoutSeconds: seconds(check.timeoutMs),
    failureThreshold: Math.min(86_400, Math.max(1, check.retries)),
    successThreshold: 1,
  };
}
