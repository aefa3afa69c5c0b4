/**
 * What a caller of a node says about the volume of a call. The parameters are as they are stored; the node
 * resolves their secret references at every call (`volume_context.ts`), so that a rotated secret reaches the
 * next one and nobody else holds the value.
 * @module
 */
import type { AccountContext, VolumeContext } from "../drivers/driver.ts";
import { listSecretParameters } from "../drivers/secret_parameters.ts";
import { ANNOTATIONS } from "../model/marks.ts";
import { parseBytes } from "../model/quantity.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { StorageClass } from "../model/storage_class.ts";
import type { Volume } from "../model/volume.ts";
import type { Reader } from "../store/store.ts";

// For callers of the node, which know no drivers.
export { listSecretParameters };

/**
 * A {@linkcode VolumeContext} as a caller of the node gives it: its parameters may hold secret references.
 */
export type VolumeCall = Omit<VolumeContext, "parameters" | "node" | "installation"> & {
  parameters: Readonly<Record<string, string>>;
};

/** An {@linkcode AccountContext} as a caller of the node gives it. */
export type AccountCall = Omit<AccountContext, "parameters"> & {
  /** The namespace of references that name none. */
  namespace: string;
  parameters: Readonly<Record<string, string>>;
};

/** A volume, and its class where that exists. */
export interface ClassedVolume {
  volume: Volume;
  class: StorageClass | undefined;
}

/** A volume with its class as the store has it now. */
export function findClass(volume: Volume, state: Pick<Reader, "get">): ClassedVolume {
  return { volume, class: state.get("storageClass", "", volume.spec.storageClassName ?? "") };
}

/**
 * The parameters of a volume: those it was provisioned with, else class and volume merged. Secrets are always
 * those of now: they say how to reach the data, and not where it is, and must be replaceable.
 */
export function readParameters({ volume, class: storageClass }: ClassedVolume): Record<string, string> {
  const declared = { ...storageClass?.spec.parameters, ...volume.spec.parameters };
  const { driverParameters } = volume.status;
  if (!driverParameters) return declared;
  const secrets = listSecretParameters(declared).map((key) => [key, declared[key]!]);
  return { ...driverParameters, ...Object.fromEntries(secrets) };
}

/**
 * The parameters of a snapshot whose volume is gone: those that the volume was provisioned with. The secrets
 * of its class are those of now, for they must be replaceable as long as there are snapshots.
 */
function readSnapshotParameters(
  { status: { driver, driverParameters, origin } }: Snapshot,
  storageClass: StorageClass | undefined,
): Record<string, string> {
  const { parameters = {} } = storageClass?.spec.driver === driver ? storageClass?.spec ?? {} : {};
  const secrets = listSecretParameters(parameters)
    .filter((key) => !origin?.ownSecrets?.includes(key))
    .map((key) => [key, parameters[key]!]);
  return { ...driverParameters, ...Object.fromEntries(secrets) };
}

/**
 * Whether any filesystem is right: by the parameter for good, else once for a volume that somebody asked to
 * provision again.
 */
function acceptsFilesystem({ volume, class: storageClass }: ClassedVolume): boolean {
  const { spec: { parameters }, status: { handle, retriedFor }, annotations } = volume;
  if ({ ...storageClass?.spec.parameters, ...parameters }.acceptFilesystem === "true") return true;
  const asked = annotations[ANNOTATIONS.retryRequestedAt];
  return handle === undefined && asked !== undefined && asked !== retriedFor;
}

/** Describes a volume for a driver's call. */
export function describeVolumeCall(view: ClassedVolume, signal: AbortSignal): VolumeCall {
  const { namespace, name, uid, spec, status } = view.volume;
  return {
    volume: { namespace, name, uid, sizeBytes: parseBytes(spec.size), accessMode: spec.accessMode },
    ...(status.handle !== undefined && { handle: status.handle }),
    ...(status.filesystem && { filesystem: status.filesystem }),
    ...(acceptsFilesystem(view) && { acceptFilesystem: true }),
    parameters: readParameters(view),
    blank: status.blank === true,
    signal,
  };
}

/**
 * Describes the volume of a snapshot that was begun for a driver's call.
 * @param view.volume the volume of that name now; it may be gone.
 * @param view.class the class now of the volume that it was taken of.
 */
export function describeSnapshotCall(
  { snapshot, volume: classed, class: storageClass }: {
    snapshot: Snapshot;
    volume: ClassedVolume | undefined;
    class: StorageClass | undefined;
  },
  signal: AbortSignal,
): VolumeCall {
  const { namespace, spec, status } = snapshot;
  const { uid, size, accessMode } = status.origin!;
  const source = classed?.volume.uid === uid ? classed : undefined;
  const { handle, filesystem } = source?.volume.status ?? {};
  return {
    volume: { namespace, name: spec.source.volume, uid, sizeBytes: parseBytes(size), accessMode },
    ...(handle !== undefined && { handle }),
    ...(filesystem && { filesystem }),
    parameters: source ? readParameters(source) : readSnapshotParameters(snapshot, storageClass),
    blank: false,
    signal,
  };
}
